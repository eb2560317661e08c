"""T2I-Adapter: once a picture, the same to every row, linear until it is added."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from tests.kit import call, clean, draw, equal, gap, shared, text
from tests.parity import golden_model

from overpaint.attention import Moment
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.model import Line
from overpaint.network import Residuals
from overpaint.sides import Control, Net, T2IAdapter
from overpaint.sides.t2i_adapter import seen
from overpaint.sides.tiny import tiny_adapter, tiny_controlnet


@cache
def net(shape: Shape = "sd1", colours: int = 3, light: bool = False) -> Net:
    return tiny_adapter(shared(shape), colours, light)


def picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def side(shape: Shape = "sd1", seed: int = 0, **how: object) -> T2IAdapter:
    return T2IAdapter(net(shape), picture(seed), Control.model_validate(how))


def said(one: T2IAdapter, step: int = 1, steps: int = 4) -> Residuals:
    at = Moment(step, steps, ("tgt+",), 8, 8)
    return one.residuals(draw(1, 4, 8, 8), torch.tensor(300), text("sd1", "a cat"), at)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_changes_the_result_costs_one_row_and_is_gone_afterwards(shape: Shape) -> None:
    model, one = shared(shape), side(shape)
    plain, before = call(model), model.meter.sides
    with model.side(one):
        assert gap(call(model)["tgt"].eps, plain["tgt"].eps) > 1e-3
        call(model)
    assert model.meter.sides - before == 1
    assert equal(call(model), plain) and clean(model)


@pytest.mark.parametrize("how", [{"scale": 0}, {"start": 1.0}, {"stop": 0.0}, {"layers": (0, 0)}])
def test_what_is_silent_costs_nothing_and_leaves_every_bit(how: dict[str, Any]) -> None:
    model = shared()
    plain, before = call(model), model.meter.sides
    with model.side(side(**how)):
        assert equal(call(model), plain)
    assert model.meter.sides == before


def test_no_features_are_no_change() -> None:
    model, quiet = shared(), tiny_adapter(shared())
    for value in quiet.module.state_dict().values():
        value.zero_()
    plain = call(model)
    with model.side(T2IAdapter(quiet, picture())):
        assert equal(call(model), plain)


def test_weights_are_linear_and_order_does_not_matter() -> None:
    one, two = said(side()), said(side(scale=2.0))
    assert all(torch.equal(2 * a, b) for a, b in zip(one.intra, two.intra, strict=True))
    a, b = side(scale=0.7), side(seed=1, scale=1.2)
    sums = [said(a) + said(b), said(b) + said(a), said(a) + said(replace(b, how=Control(scale=0)))]
    assert all(torch.equal(x, y) for x, y in zip(sums[0].intra, sums[1].intra, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(sums[2].intra, said(a).intra, strict=True))


@pytest.mark.parametrize(
    ("stop", "steps", "official", "diffusers"),
    [(0.5, 20, 10, 10), (0.75, 10, 8, 7), (1.0, 10, 10, 10), (0.0, 10, 0, 0), (0.6, 10, 6, 6)],
)
def test_the_two_published_ways_to_round_its_share(
    stop: float, steps: int, official: int, diffusers: int
) -> None:
    for rounding, count in (("official", official), ("diffusers", diffusers)):
        one = side(stop=stop, rounding=rounding)
        assert [k for k in range(steps) if one.speaks(Moment(k, steps))] == list(range(count))


def test_it_may_begin_later() -> None:
    assert [k for k in range(10) if side(start=0.3).speaks(Moment(k, 10))] == list(range(3, 10))


def test_an_adapter_of_one_channel_sees_lines() -> None:
    lines = seen(net(colours=1), picture())
    assert lines.shape == (1, 1, 32, 32) and set(lines.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(lines, (picture().mean(1, keepdim=True) > 0.5).float())
    assert torch.equal(seen(net(), picture()), picture())


def test_the_number_of_factors() -> None:
    with pytest.raises(UsageError, match="speaks into 2 places, and 3 factors were given"):
        said(side(layers=(1, 1, 1)))
    one, own = said(side()), said(side(layers=(0.5, 0.25)))
    assert torch.equal(own.intra[0], 0.5 * one.intra[0]) and torch.equal(own.intra[1], 0.25 * one.intra[1])


def test_light_ones_work_too() -> None:
    model = golden_model()
    one = T2IAdapter(tiny_adapter(model, light=True), torch.rand(1, 3, 64, 64))
    cat = model.family.text("a cat")

    def said() -> torch.Tensor:
        with torch.no_grad():
            return model.rows(draw(1, 4, 8, 8), 0, model.path(4), ["t+"], [Line("+", cat)]).eps

    plain = said()
    with model.side(one):
        assert gap(said(), plain) > 1e-4


def test_it_speaks_beside_a_controlnet() -> None:
    from overpaint.sides import ControlNet

    model, other = shared(), ControlNet(tiny_controlnet(shared()), picture())
    results = list[torch.Tensor]()
    for sides in ((side(),), (other,), (side(), other), (other, side())):
        with model.side(*sides):
            results.append(call(model)["tgt"].eps)
    assert torch.equal(results[2], results[3])
    assert min(gap(results[2], results[0]), gap(results[2], results[1])) > 1e-3


def test_its_content_is_known_by_weights_picture_and_settings() -> None:
    others = [side(), side(seed=1), side(scale=0.5), side(stop=0.5), T2IAdapter(net(colours=1), picture())]
    assert len({one.fingerprint for one in others}) == len(others)
