"""A first convolution that reads more."""

from typing import Any, cast

import torch
from tests.kit import draw

from overpaint.families.tiny import tiny
from overpaint.families.widen import narrow, widen


def test_new_channels_change_nothing_where_they_are_zero_and_something_where_they_weigh() -> None:
    net, same = (cast(Any, tiny("sd1").net) for _ in range(2))
    x, states, t = draw(1, 4, 8, 8), draw(1, 16, 24, seed=1), torch.tensor(5)
    before = same(x, t, states, return_dict=False)[0]
    for weights in (None, draw(8, 3, 3, 3, seed=2)):
        net = cast(Any, tiny("sd1").net)
        widen(net, 3, weights)
        assert net.config.in_channels == 7
        nothing = net(torch.cat([x, torch.zeros(1, 3, 8, 8)], 1), t, states, return_dict=False)[0]
        something = net(torch.cat([x, torch.ones(1, 3, 8, 8)], 1), t, states, return_dict=False)[0]
        assert torch.allclose(nothing, before, atol=1e-6)
        assert torch.allclose(something, before, atol=1e-6) == (weights is None)
        assert torch.equal(narrow(net, 4)[0], same.conv_in.weight)
