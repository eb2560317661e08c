"""The generator of a layer, and what moves its weights."""

import pytest
import torch
from tests.kit import draw, gap
from tests.tune.test_learn import Notebook

from overpaint.errors import UsageError
from overpaint.meter import Meter
from overpaint.noise import Noise
from overpaint.tune.learn import learn
from overpaint.tune.madgrad import TINY, Madgrad
from overpaint.tune.skip_net import SkipNet, apart

NET = SkipNet(3, 6, 2)


def picture(height: int, width: int) -> torch.Tensor:
    return draw(1, 3, height, width).sigmoid()


def test_it_has_as_many_weights_as_the_published_one() -> None:
    assert sum(torch.Size(shape).numel() for shape in SkipNet().shapes.values()) == 3_115_548


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (40, 16)])
def test_any_size_gives_a_layer_of_that_size_between_nothing_and_all(size: tuple[int, int]) -> None:
    made = NET(NET.begin(Noise()), picture(*size))
    assert made.shape == (1, 4, *size)
    assert 0 < float(made.min()) and float(made.max()) < 1


def test_as_many_scales_as_fit_are_taken_and_none_that_do_not() -> None:
    assert [SkipNet.fitting(side).scales for side in (20, 87, 128, 348)] == [4, 6, 6, 7]
    smallest = SkipNet.fitting(20, channels=4)
    assert smallest(smallest.begin(Noise()), picture(20, 20)).isfinite().all()
    with pytest.raises(UsageError, match="too small"):
        SkipNet.fitting(2)


def test_what_it_begins_with_hangs_on_the_seed_and_lies_within_its_bounds() -> None:
    one, again, other = (NET.begin(Noise(seed)) for seed in (0, 0, 1))
    name = "0.down/weight"
    assert torch.equal(one[name], again[name]) and not torch.equal(one[name], other[name])
    assert 0 < float(one[name].abs().max()) <= 27**-0.5
    assert torch.equal(one["0.down.norm/weight"], torch.ones(6))


def test_it_normalises_by_the_picture_at_hand() -> None:
    weights, one = NET.begin(Noise()), picture(16, 16)
    inside = NET._scale(weights, one, 0)  # pyright: ignore[reportPrivateUsage]
    brighter = {**weights, "head/bias": weights["head/bias"] + 1}
    assert inside.shape == (1, 6, 16, 16)
    assert gap(NET(brighter, one), NET(weights, one)) > 0.1
    assert gap(NET(weights, 1.5 * one), NET(weights, one)) < 0.1  # nothing remembers how bright others were


def test_grey_leads_to_the_same_of_all_colours_as_photographs_have_it() -> None:
    shares = apart()
    assert gap(shares[0], torch.tensor((0.26, 0.27, 0.27)) * shares[0, 0] / 0.26) < 1e-6
    assert abs(float(shares.square().sum(1).sqrt().amax()) - 1) < 1e-6


def test_a_first_step_goes_by_the_cube_root_of_the_square() -> None:
    start = draw(5)
    p = start.clone().requires_grad_()
    p.grad = draw(5, seed=1)
    moves = Madgrad([p], decay=0.1)
    moves.param_groups[0]["lr"] = 0.02
    moves.step()
    grad, share = draw(5, seed=1) + 0.1 * start, 0.02 + TINY
    goal = start - share * grad / ((share * grad**2).pow(1 / 3) + TINY)
    assert gap(p.detach(), 0.9 * start + 0.1 * goal) < 1e-6


def test_it_goes_down_and_a_killed_run_is_taken_up_to_the_bit() -> None:
    def run(updates: int, book: Notebook) -> tuple[torch.Tensor, list[float]]:
        p = draw(4, 3).requires_grad_()
        losses = learn(
            Meter(), {"a.b": p}, lambda _: (p - 2).square().mean(), updates, 0.05, draft=book, rule=Madgrad
        )
        return p.detach(), losses

    whole, every = run(8, Notebook())
    book = Notebook()
    run(5, book)
    again, losses = run(8, book)
    assert torch.equal(whole, again) and losses == every
    assert every[-1] < every[0]
