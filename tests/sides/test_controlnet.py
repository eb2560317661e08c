"""ControlNet: what it must be silent about, linear in, and counted for."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
import torch
from tests.kit import call, clean, draw, equal, gap, shared, text

from overpaint.attention import Moment
from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape
from overpaint.network import Residuals, Text
from overpaint.path import Prediction
from overpaint.sides import Control, ControlNet, Net
from overpaint.sides.controlnet import louder, places
from overpaint.sides.fresh import fresh, hint_widths
from overpaint.sides.tiny import tiny_controlnet

ROWS = ("src-", "tgt-", "src+", "tgt+")


@cache
def net(shape: Shape = "sd1", gain: float = 1.0) -> Net:
    return tiny_controlnet(shared(shape), gain)


def picture(seed: int = 0) -> torch.Tensor:
    return torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def side(shape: Shape = "sd1", seed: int = 0, reads: Text | None = None, **how: object) -> ControlNet:
    return ControlNet(net(shape), picture(seed), Control.model_validate(how), reads)


def said(one: ControlNet, rows: Sequence[str] = ROWS, step: int = 1, steps: int = 4) -> Residuals:
    cats = text("sd1", "a cat")
    several = Text(cats.states.expand(len(rows), -1, -1))
    at = Moment(step, steps, tuple(rows), 8, 8)
    with torch.no_grad():
        return one.residuals(draw(len(rows), 4, 8, 8), torch.tensor(300), several, at)


def every(residuals: Residuals) -> list[torch.Tensor]:
    assert residuals.mid is not None
    return [*residuals.down, residuals.mid]


@pytest.mark.parametrize("shape", [*SHAPES, "sd1-inpaint"])
def test_an_untrained_one_says_nothing_whatever_it_sees(shape: Shape) -> None:
    model, quiet = shared(shape), fresh(shared(shape))
    rows = [text(shape, "a cat")] * 2
    x, at = draw(2, 4, 8, 8), Moment(0, 4, ("tgt-", "tgt+"), 8, 8)
    pooled = [one.pooled for one in rows if one.pooled is not None]
    both = Text(torch.cat([one.states for one in rows]), torch.cat(pooled) if pooled else None)
    with torch.no_grad():
        one = ControlNet(quiet, picture()).residuals(x, torch.tensor(300), both, at)
    assert all(not bool(r.any()) for r in every(one)) and len(one.down) == places(quiet) - 1
    if shape != "sd1-inpaint":
        plain = call(model)
        with model.side(ControlNet(quiet, picture())):
            assert equal(call(model), plain)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_changes_the_result_and_is_gone_afterwards(shape: Shape) -> None:
    model = shared(shape)
    plain = call(model)
    with model.side(side(shape)):
        assert gap(call(model)["tgt"].eps, plain["tgt"].eps) > 1e-3
    assert equal(call(model), plain) and clean(model)


@pytest.mark.parametrize("how", [{"scale": 0}, {"start": 1.0}, {"stop": 0.0}, {"layers": (0.0,) * 6}])
def test_what_is_silent_costs_nothing_and_leaves_every_bit(how: dict[str, Any]) -> None:
    model = shared()
    plain, before = call(model), model.meter.sides
    own: dict[str, Any] = {"layers": (0.0,) * places(net())} if "layers" in how else how
    with model.side(side(**own)):
        assert equal(call(model), plain)
    assert model.meter.sides == before


def test_residuals_are_linear_in_the_scale() -> None:
    one, two = said(side()), said(side(scale=2.0))
    assert all(torch.equal(2 * a, b) for a, b in zip(every(one), every(two), strict=True))


def test_two_nets_add_up_in_any_order_and_one_of_them_silent_is_the_other_alone() -> None:
    model, a, b = shared(), side(scale=0.5), side(seed=1)
    with model.side(a, replace(b, how=Control(scale=0))):
        alone = call(model)
    with model.side(a):
        assert equal(call(model), alone)
    sums = [said(a) + said(b), said(b) + said(a)]
    assert all(gap(x, y) < 1e-6 for x, y in zip(every(sums[0]), every(sums[1]), strict=True))
    with model.side(a, b):
        both = call(model)
    assert gap(both["tgt"].eps, alone["tgt"].eps) > 1e-3


@pytest.mark.parametrize("guess", ["released", "logspace"])
def test_guess_mode_leaves_the_row_without_a_prompt(guess: str) -> None:
    model, before = shared(), shared().meter.sides
    x, lines = draw(2, 4, 8, 8), [text("sd1", ""), text("sd1", "a cat")]
    from overpaint.model import Line

    def rows() -> list[torch.Tensor]:
        with torch.no_grad():
            p = model.rows(x, 0, model.path(4), ["tgt-", "tgt+"], [Line("-", lines[0]), Line("+", lines[1])])
        return [p.eps[:1], p.eps[1:]]

    plain = rows()
    with model.side(side(guess=guess)):
        without, given = rows()
    assert torch.equal(without, plain[0]) and gap(given, plain[1]) > 1e-3
    assert model.meter.sides - before == 1


def test_guess_mode_is_softer_where_the_picture_is_fine() -> None:
    count = places(net())
    assert louder("released", 13)[:2] == (0.825**12, 0.825**11) and louder("released", 13)[-1] == 1
    assert louder("logspace", 13)[0] == pytest.approx(0.1) and louder("logspace", 13)[-1] == 1
    soft, loud = said(side(guess="released"), ["tgt+"]), said(side(), ["tgt+"])
    for k, (a, b) in enumerate(zip(every(soft), every(loud), strict=True)):
        assert gap(a, 0.825 ** (count - 1 - k) * b) < 1e-6


def test_the_middle_alone_is_all_with_silent_skips() -> None:
    model, count = shared(), places(net())
    with model.side(side(only_mid=True)):
        alone = call(model)
    with model.side(side(layers=(0.0,) * (count - 1) + (1.0,))):
        assert equal(call(model), alone)
    assert said(side(only_mid=True)).down == ()


def test_factors_by_layer_and_their_number() -> None:
    count = places(net())
    own = tuple(0.1 * k for k in range(count))
    for k, (a, b) in enumerate(zip(every(said(side(layers=own))), every(said(side())), strict=True)):
        assert gap(a, own[k] * b) < 1e-6
    with pytest.raises(UsageError, match=f"speaks into {count} places, and 2 factors were given"):
        said(side(layers=(1.0, 1.0)))


@pytest.mark.parametrize(
    ("start", "stop", "on"),
    [(0, 1, range(10)), (0, 0.6, range(6)), (0.3, 1, range(3, 10)), (0.25, 0.75, range(3, 7))],
)
def test_it_speaks_in_its_stretch_of_steps(start: float, stop: float, on: range) -> None:
    heard = [k for k in range(10) if said(side(start=start, stop=stop), step=k, steps=10).rows]
    assert heard == list(on)


def test_rows_are_counted_and_may_come_one_at_a_time() -> None:
    model, found = shared(), list[dict[str, Prediction]]()
    for at_once in (None, 1):
        before = model.meter.sides
        with model.side(side()), model.sparing(at_once):
            found.append(call(model))
        assert model.meter.sides - before == 4
    whole, made = found
    assert all(gap(whole[k].eps, made[k].eps) < 1e-4 for k in whole)


def test_it_may_read_a_text_of_its_own() -> None:
    dog = text("sd1", "a dog on the grass")
    other = said(side(reads=dog))
    assert (
        gap(other.down[0], said(side()).down[0]) >= 0
        and gap(every(other)[-1], every(said(side()))[-1]) > 1e-5
    )
    same = said(side(reads=text("sd1", "a cat")))
    assert all(torch.equal(a, b) for a, b in zip(every(same), every(said(side())), strict=True))


def test_a_shuffled_condition_speaks_evenly_and_to_rows_with_a_prompt_alone() -> None:
    evenly = tiny_controlnet(shared())
    evenly.module.register_to_config(global_pool_conditions=True)  # pyright: ignore[reportCallIssue]
    one = said(ControlNet(evenly, picture(), Control(guess="released")), ["tgt-", "tgt+"])
    assert one.rows == 1 and every(one)[0].shape[-2:] == (1, 1)
    assert gap(every(one)[0][1:], every(said(side(), ["tgt+", "tgt+"]))[0].mean((2, 3), True)[1:]) >= 0
    assert not bool(every(one)[0][:1].any())


def test_its_content_is_known_by_weights_picture_text_and_settings() -> None:
    others = [
        side(),
        side(seed=1),
        side(scale=0.5),
        side(stop=0.5),
        side(guess="released"),
        side(reads=text("sd1", "a cat")),
        ControlNet(net("sd1", 0.5), picture()),
    ]
    assert len({one.fingerprint for one in others}) == len(others)
    assert side().fingerprint == side().fingerprint
    cats = text("sdxl", "a cat")
    assert cats.pooled is not None
    other = replace(cats, pooled=cats.pooled + 1)
    assert side("sdxl", reads=cats).fingerprint != side("sdxl", reads=other).fingerprint


def test_the_encoder_of_the_condition_fits_the_codec() -> None:
    assert [hint_widths(f) for f in (8, 4, 2, 1)] == [(16, 32, 96, 256), (16, 32, 96), (16, 32), (16,)]
    assert hint_widths(16) == (16, 32, 96, 256, 256)


def test_gradients_flow_to_the_text() -> None:
    states = text("sd1", "a cat").states.clone().requires_grad_(True)
    made = side().residuals(draw(1, 4, 8, 8), torch.tensor(300), Text(states), Moment(0, 4, ("tgt+",), 8, 8))
    assert made.mid is not None
    (grad,) = torch.autograd.grad(made.mid.square().sum(), states)
    assert bool(grad.any())
