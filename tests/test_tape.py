from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor

from overpaint.attention import Control, Heads, Maps, Moment, Site, Whole
from overpaint.contract.trial import result, run, short, task
from overpaint.controls import Keep, SelfReplace, near_side
from overpaint.families.tiny import Shape, tiny
from overpaint.meter import Meter
from overpaint.methods.p2p import PromptToPrompt
from overpaint.network import Residuals, Text
from overpaint.path import Latent, Prediction
from overpaint.run.estimate import Living
from overpaint.tape import parts, turns
from tests.kit import Copy, Mutual, clean, draw, gap, hooks, pair, shared

ROLES = ("src-", "tgt-", "src+", "tgt+")
CLOSE = 1e-4
"""Relative: float error after the steps of a walk."""


@dataclass(eq=False)
class Named(Control):
    """Says which rows it looks at and changes; edits nothing."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()


def reads(*roles: str, to: Sequence[str] = ()) -> Named:
    return Named(frozenset(roles), frozenset(to))


def named(controls: Sequence[Control], most: int, roles: tuple[str, ...] = ROLES) -> list[tuple[str, ...]]:
    """The parts by role."""
    at = Moment(rows=roles)
    return [tuple(roles[row] for row in part) for part in parts(at, controls, most)]


def test_rows_without_controls_keep_their_order() -> None:
    assert named([], 1) == [("src-",), ("tgt-",), ("src+",), ("tgt+",)]
    assert named([], 3) == [("src-", "tgt-", "src+"), ("tgt+",)]


def test_what_is_read_comes_before_what_is_changed() -> None:
    backwards = [reads("tgt+", to=["src-"])]
    assert named(backwards, 1) == [("tgt-",), ("src+",), ("tgt+",), ("src-",)]
    chain = [reads("tgt+", to=["src+"]), reads("src+", to=["src-"])]
    assert named(chain, 1) == [("tgt-",), ("tgt+",), ("src+",), ("src-",)]


def test_a_reader_that_changes_nothing_binds_nothing() -> None:
    assert named([reads("src+", "tgt+")], 1) == [("src-",), ("tgt-",), ("src+",), ("tgt+",)]


def test_rows_read_for_one_another_stay_together() -> None:
    assert named([reads("src+", to=["tgt+"]), reads("tgt+", to=["src+"])], 1) == [
        ("src-",),
        ("tgt-",),
        ("src+", "tgt+"),
    ]
    # Through a third, and with a row in between that is free.
    ring = [reads("src-", to=["tgt+"]), reads("tgt+", to=["src+"]), reads("src+", to=["src-"])]
    assert named(ring, 1) == [("tgt-",), ("src-", "src+", "tgt+")]


def test_rows_changed_by_one_control_stay_together() -> None:
    assert named([reads(to=["tgt-", "tgt+"])], 1) == [("src-",), ("src+",), ("tgt-", "tgt+")]


def test_a_control_that_names_no_rows_might_look_at_any() -> None:
    assert named([Control()], 1) == [ROLES]


def test_several_rows_of_one_role_go_the_same_way() -> None:
    at = Moment(rows=("tgt+", "src+", "tgt+"))
    assert parts(at, [reads("src+", to=["tgt+"])], 1) == [[1], [0, 2]]


@pytest.mark.parametrize("most", [None, 4, 9])
def test_a_call_that_fits_is_left_whole(most: int | None) -> None:
    at = Moment(rows=ROLES)
    assert turns(at, [], most) == [Whole(at)]
    assert turns(at, [Control()], 1) == [Whole(at)]


@dataclass(eq=False)
class Tinted(Control):
    """Adds something of a row to others at every stage there is, and notes how often it was asked."""

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    needs_probs = True
    asked: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list[Any])

    def tint(self, stage: str, site: Site, at: Moment, x: Tensor) -> Tensor:
        self.asked.append((stage, site.name, at.rows))
        to = torch.tensor([role in self.writes for role in at.rows]).view(-1, *[1] * (x.ndim - 1))
        own = sum((x[row : row + 1] for row in at.of(*self.reads)), torch.zeros_like(x[:1]))
        return torch.where(to, 0.7 * x + 0.4 * own, x)

    def context(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        return self.tint("context", site, at, states)

    def values(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        return self.tint("values", site, at, states)

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        return q, self.tint("qkv", site, at, k), v

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        return self.tint("probs", site, at, p)

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        return self.tint("out", site, at, o)


def tinted(*roles: str, to: Sequence[str]) -> Tinted:
    return Tinted(frozenset(roles), frozenset(to))


STACKS = {
    "one to one": [("src+",), ("tgt+",)],
    "fan in": [("src+", "src-", "tgt-"), ("tgt+",)],
    "fan out": [("tgt+",), ("src-", "src+")],
    "into itself": [("tgt+",), ("tgt+",)],
}


def told(shape: Shape, most: int | None, *controls: Control) -> tuple[dict[str, Prediction], Meter]:
    """One call of four rows."""
    model, x, meter = shared(shape), draw(1, 4, 8, 8, seed=3), Meter()
    with model.metered(meter), model.control(*controls), model.sparing(most):
        return model.predict({"src": x, "tgt": 0.5 * x}, 1, model.path(4), pair(shape)), meter


def same(a: dict[str, Prediction], b: dict[str, Prediction]) -> bool:
    return all(gap(a[k].eps, b[k].eps) <= CLOSE * float(a[k].eps.abs().max()) for k in a | b)


@pytest.mark.parametrize("most, shape", [(1, "sd1"), (2, "sd1"), (3, "sd1"), (1, "sdxl")])
@pytest.mark.parametrize("stack", STACKS)
def test_parts_are_the_whole_at_every_stage(stack: str, most: int, shape: Shape) -> None:
    roles, to = STACKS[stack]
    (whole, meter), (apart, other) = (told(shape, n, tinted(*roles, to=to)) for n in (None, most))
    assert same(whole, apart) and not same(whole, told(shape, None)[0])
    assert meter.rows == other.rows == 4 and meter.calls == 1 < other.calls
    assert clean(shared(shape)) and hooks(shared(shape).net) == 0


@pytest.mark.parametrize("most", [1, 2, 3])
def test_what_a_control_reads_has_been_through_those_before_it(most: int) -> None:
    chain = [("src+",), ("tgt+",)], [("tgt+",), ("tgt-",)], [("tgt-", "src+"), ("src-",)]

    def stack() -> list[Control]:
        return [tinted(*roles, to=to) for roles, to in chain]

    assert same(told("sd1", None, *stack())[0], told("sd1", most, *stack())[0])
    assert not same(told("sd1", None, *stack()[::-1])[0], told("sd1", None, *stack())[0])
    assert same(told("sd1", None, *stack()[::-1])[0], told("sd1", most, *stack()[::-1])[0])


@pytest.mark.parametrize("most", [1, 2])
def test_both_ways_at_once(most: int) -> None:
    def stack() -> list[Control]:
        return [tinted("src+", to=["tgt+"]), tinted("tgt+", to=["src+"])]

    assert same(told("sd1", None, *stack())[0], told("sd1", most, *stack())[0])


def test_one_control_pushed_twice_acts_twice() -> None:
    one = tinted("src+", to=["tgt+"])
    assert same(told("sd1", None, one, one)[0], told("sd1", 1, one, one)[0])
    assert not same(told("sd1", None, one)[0], told("sd1", 1, one, one)[0])


def test_a_control_is_asked_once_a_stage_with_its_rows_in_their_order() -> None:
    whole, apart = (tinted("src+", "src-", to=["tgt+"]) for _ in range(2))
    told("sd1", None, whole)
    told("sd1", 1, apart)
    assert sorted(a[:2] for a in whole.asked) == sorted(a[:2] for a in apart.asked)
    assert {rows for _, _, rows in apart.asked} == {("src-", "src+", "tgt+")}


@pytest.mark.parametrize("shape", ["sd1", "sdxl"])
@pytest.mark.parametrize(
    "control", [Mutual, Copy, lambda: SelfReplace((0.0, 1.0))], ids=["mutual", "copy", "self"]
)
def test_published_kinds_of_controls(control: Any, shape: Shape) -> None:
    (whole, _), (apart, _) = (told(shape, n, control()) for n in (None, 1))
    assert same(whole, apart) and not same(whole, told(shape, None)[0])


def test_what_is_kept_is_counted_once_and_as_it_is_after_the_controls_before() -> None:
    model = shared("sd1")
    names = near_side(model.tap.sites, 8, 8)

    def kept(most: int | None) -> tuple[Keep, Keep]:
        before, after = Keep(names), Keep(names)
        told("sd1", most, before, Copy(), after)
        return before, after

    for whole, apart in zip(kept(None), kept(1), strict=True):
        assert whole.counts == apart.counts
        assert all(gap(whole.mean(role), apart.mean(role)) < 1e-6 for role in whole.sums)
    before, after = kept(1)
    assert torch.equal(after.mean("src+"), after.mean("tgt+"))
    assert not torch.equal(before.mean("src+"), before.mean("tgt+"))


class Louder:
    """A side network that answers to the rows it is shown."""

    fingerprint = "a test's"

    def residuals(self, x: Latent, t: Tensor, text: Text, at: Moment) -> Residuals:
        assert len(at.rows) == len(x) == len(text.states)
        return Residuals(mid=0.1 * x.mean((1, 2, 3)).view(-1, 1, 1, 1).expand(-1, 16, 4, 4))


def test_sides_speak_to_the_rows_that_are_there() -> None:
    model = shared("sd1")
    plain, _ = told("sd1", None)
    with model.side(Louder()):
        (whole, _), (apart, _) = told("sd1", None), told("sd1", 1)
    assert same(whole, apart) and not same(whole, plain)


def test_gradients_flow_through_what_is_kept() -> None:
    model, text = shared("sd1"), pair("sd1")

    def slope(most: int | None) -> Tensor:
        x = draw(1, 4, 8, 8, seed=3).requires_grad_(True)
        with model.control(Copy()), model.sparing(most):
            p = model.predict({"src": x, "tgt": draw(1, 4, 8, 8)}, 1, model.path(4), text)
        (grad,) = torch.autograd.grad(p["tgt"].eps.square().sum(), x)
        return grad

    whole, apart = slope(None), slope(1)
    assert float(whole.abs().max()) > 0 and gap(whole, apart) <= 1e-3 * float(whole.abs().max())


def test_a_call_that_is_stopped_between_parts_leaves_nothing() -> None:
    model, left = shared("sd1"), [2]

    def stop(meter: Meter) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        model.metered(Meter(on_tick=stop)),
        model.control(Copy()),
        model.sparing(1),
    ):
        model.predict({"src": draw(1, 4, 8, 8), "tgt": draw(1, 4, 8, 8)}, 1, model.path(4), pair("sd1"))
    assert clean(model) and model.at_once is None


EDITS: dict[str, dict[str, Any]] = {
    "blend": {"blend": "cat=>dog", "reweight": "dog=2", "blend_version": 1},
    "null-text": {"inversion": {"name": "null-text", "inner": 2}, "blend": "cat=>dog"},
    "proximal": {"inversion": {"name": "negative-prompt", "proximal": "l0", "reconstruction_guidance": 0.5}},
    "ddim": {"inversion": "ddim", "self_replace": (0.0, 1.0)},
    "recorded": {"inversion": {"name": "recorded", "pinned": True}},
}


@pytest.mark.parametrize("edit, shape", [*((edit, "sd1") for edit in EDITS), ("blend", "sdxl")])
def test_an_edit_with_all_its_parts_gives_the_same_row_by_row(edit: str, shape: Shape) -> None:
    model = shared(shape)
    method, given = short(PromptToPrompt, **EDITS[edit]), task(model, PromptToPrompt)
    whole = result(run(model, method, given))
    with model.sparing(1):
        apart = result(run(model, method, given))
    assert gap(whole, apart) <= CLOSE * float(whole.abs().max())


def test_fewer_rows_at_once_take_less_memory() -> None:
    model, peaks = tiny("sd1"), list[int]()
    for most in (4, 2, 1):
        with Living() as living, torch.no_grad(), model.sparing(most), model.control(Copy()):
            x = draw(1, 4, 32, 32)
            model.predict({"src": x, "tgt": x}, 1, model.path(4), pair("sd1"))
        peaks.append(living.most)
    assert peaks[2] < 0.9 * peaks[1] < 0.9 * 0.75 * peaks[0], peaks
