"""The walk that everything tuned shares: how hard it tries, where it takes up again, what is mirrored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest
import torch
from tests.inversions.setting import Setting, setting
from tests.kit import gap
from torch import Tensor

from overpaint.families.tiny import SHAPES, Shape
from overpaint.files.store import NoDraft
from overpaint.guides import CFG
from overpaint.inversions import NullText, PromptTuning
from overpaint.inversions.ddim import inverted
from overpaint.inversions.prompt_tuning import PROMPTS
from overpaint.inversions.tuning import Course, Pace, Row, Step, level_latents
from overpaint.network import Text
from overpaint.noise import Noise


def test_updates_get_fewer_as_they_shall() -> None:
    pace = Pace(100, 0.01, 1e-5, 2e-5, decay=0.1)
    assert [pace.updates(i) for i in (0, 1, 10, 49)] == [100, 91, 37, 1]
    assert (pace.total(30), pace.total(50)) == (1015, 1071)  # as the published code makes them
    assert [Pace(7, 0.01, 0.0, 0.0).updates(i) for i in (0, 60)] == [7, 7]
    assert pace.enough(10) == pytest.approx(2.1e-4)


@pytest.mark.parametrize(("i", "steps", "rate"), [(0, 50, 0.01), (49, 50, 0.0051), (199, 200, 0.005025)])
def test_the_rate_halves_on_the_way_however_long_it_is(i: int, steps: int, rate: float) -> None:
    assert Pace(1, 0.01, 0.0, 0.0).rate(i, steps) == pytest.approx(rate)


@pytest.mark.parametrize("shape", SHAPES)
def test_prompt_tuning_is_null_text_inversion_with_the_roles_exchanged(shape: Shape) -> None:
    """``n + w (c - n)`` is ``c + (1 - w) (n - c)``: the same walk, told with the other text in front."""
    s = setting(shape, dtype=torch.float64)
    pace = {"inner": 3, "lr": 0.01, "stop": 1e-5, "relax": 2e-5}
    null = NullText.model_validate(pace).run(s.model, s.path, s.x0, CFG(s.source, s.null, 3.0), Noise(0))
    mirrored = CFG(replace(s.null, pooled=s.source.pooled), s.source, -2.0)
    prompt = PromptTuning.model_validate({**pace, "guidance": 0}).run(
        s.model, s.path, s.x0, mirrored, Noise(0)
    )
    assert null.nulls is not None
    if shape != "sdxl":  # where the pooled text of the tuned row is its own
        assert torch.equal(null.latents, prompt.latents)
        assert gap(null.nulls, prompt.more[PROMPTS]) < 1e-5


@dataclass
class Kept:
    """A draft in memory."""

    found: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    all: list[dict[str, Tensor]] = field(default_factory=list[dict[str, Tensor]])

    def read(self) -> Mapping[str, Tensor]:
        return self.found

    def keep(self, found: Mapping[str, Tensor]) -> None:
        self.all.append({name: t.clone() for name, t in found.items()})


def walked(s: Setting, draft: Kept | NoDraft) -> Tensor:
    latents = level_latents(s.model, s.path, s.x0, s.source, draft)

    def tune(step: Step) -> Row:
        return lambda states: (step.row("+", Text(states)), ())

    course = Course(s.model, s.path, latents, CFG(s.source, s.null, 3.0))
    return course.tuned("+", tune, Pace(2, 0.01, 0.0, 0.0), s.source.states, draft)


def test_from_any_draft_it_goes_on_to_the_same_bits() -> None:
    s, kept = setting(), Kept()
    whole = walked(s, kept)
    assert len(kept.all) == 4
    for k, left in enumerate(kept.all):
        before = s.model.meter.rows
        assert torch.equal(walked(s, Kept(left)), whole)
        assert s.model.meter.rows - before == 4 * (4 - k)


def test_a_draft_with_the_inversion_alone_spares_the_inversion() -> None:
    s = setting()
    latents = inverted(s.model, s.path, s.x0, s.source)
    before = s.model.meter.rows
    made = walked(s, Kept({"latents": latents}))
    assert s.model.meter.rows - before == 4 * 4
    assert torch.equal(made, walked(s, NoDraft()))
    older = {"latents": latents, "x": 9 * latents[:1], "nulls": torch.zeros(2, 16, 24)}
    assert torch.equal(walked(s, Kept(older)), made), "what else is in it is not understood"


def test_each_step_sets_out_from_what_the_one_before_found() -> None:
    s, seen = setting(), list[Tensor]()
    latents = inverted(s.model, s.path, s.x0, s.source)

    def tune(step: Step) -> Row:
        first = [True]

        def row(states: Tensor) -> tuple[Tensor, list[Tensor]]:
            if first:
                seen.append(states.detach().clone())
                first.clear()
            return step.row("+", Text(states)), []

        return row

    course = Course(s.model, s.path, latents, CFG(s.source, s.null, 3.0))
    found = course.tuned("+", tune, Pace(2, 0.01, 0.0, 0.0), s.source.states, NoDraft())
    assert torch.equal(torch.cat(seen), torch.cat([s.source.states, found[:-1]]))
