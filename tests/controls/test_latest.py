"""The maps of the latest call, as they are."""

import torch
from tests.kit import Record, call, clean, shared

from overpaint.controls import Latest, near_side
from overpaint.model import Line
from overpaint.network import Text


def test_it_holds_what_the_role_looked_at_every_head_for_itself() -> None:
    model = shared()
    names = near_side(model.tap.sites, 8, 8)
    latest, record = Latest(names, "tgt+"), Record()
    with model.control(latest, record):
        call(model, i=0)
        first = dict(latest.maps)
        call(model, i=1)
    assert latest.maps.keys() == names and clean(model)
    for name, held in latest.maps.items():
        assert torch.equal(held, record.maps[name][-1])
        assert not torch.equal(held, first[name])


def test_gradients_flow_from_the_maps_to_the_text() -> None:
    model = shared()
    text = model.family.text("a cat")
    states = text.states.clone().requires_grad_(True)
    latest = Latest(near_side(model.tap.sites, 8, 8))
    x = torch.ones(1, 4, 8, 8)
    with torch.enable_grad(), model.control(latest):
        model.rows(x, 0, model.path(2), ["src+"], [Line("+", Text(states))])
        seen = torch.stack([m.square().sum() for m in latest.maps.values()]).sum()
        (grad,) = torch.autograd.grad(seen, [states])
    assert float(grad.abs().max()) > 0
