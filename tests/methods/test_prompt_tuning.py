"""Prompt tuning as an editor: what its source is, what it becomes at the ends of its share."""

from dataclasses import replace

import pytest
import torch
from tests.kit import draw, gap, shared, text

from overpaint.contract.checks import in_double_precision
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.inversions import PromptTuning
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.p2p import PromptToPrompt
from overpaint.methods.prompt_tuning import PromptTuningEdit
from overpaint.noise import Noise
from overpaint.outcome import outcome_of
from overpaint.path import Latent
from overpaint.task import Task

TUNED = PromptTuning(inner=2, lr=0.02)
X0 = draw(1, 4, 8, 8, seed=11)


def task(shape: Shape = "sd1", source: str | None = None) -> Task:
    given = None if source is None else text(shape, source)
    target = text(shape, "a dog on the grass")
    return Task((1, 4, 8, 8), shared(shape).family.null(), Noise(0), X0, given, target)


def edited(given: Task, shape: Shape = "sd1", tuned: PromptTuning = TUNED) -> Latent:
    with torch.no_grad():
        return PromptTuningEdit(steps=3, inversion=tuned)(shared(shape), given)


@pytest.mark.parametrize("shape", SHAPES)
def test_without_a_source_prompt_it_begins_with_the_empty_one_and_inverts_with_it(shape: Shape) -> None:
    """The paper's form, whatever ``init`` and the guidance of the walk to noise are (0 or 1)."""
    papers = TUNED.changed(init="null", guidance=0)
    assert torch.equal(edited(task(shape), shape), edited(task(shape), shape, papers))
    null = replace(task(shape), given_source=task(shape).null)
    assert torch.equal(edited(task(shape), shape), edited(null, shape))
    assert gap(edited(task(shape), shape), edited(task(shape, "a cat on the grass"), shape)) > 1e-4


def test_it_is_ddim_editing_over_its_inversion() -> None:
    given = task(source="a cat on the grass")
    with torch.no_grad():
        other = DDIMEdit(steps=3, inversion=TUNED)(shared(), given)
    assert torch.equal(edited(given), other)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_larger_share_keeps_less(shape: Shape) -> None:
    strong = PromptTuning(inner=10, lr=0.1)
    errors = [gap(edited(task(shape), shape, strong.changed(share=share)), X0) for share in (0.0, 1.0)]
    assert errors[0] < errors[1]


def test_under_prompt_to_prompt_closed_windows_leave_the_mixture_alone() -> None:
    """In double precision: an untrained network and a tuning make much of rounding."""
    model, given = tiny(), task(source="a cat on the grass")
    in_double_precision(model)
    closed = PromptToPrompt(steps=3, inversion=TUNED, cross_replace=0, self_replace=0)
    with torch.no_grad():
        alone = PromptTuningEdit(steps=3, inversion=TUNED)(model, given)
        first, other = (
            outcome_of(method(model, given)).latents[0]
            for method in (closed, closed.changed(cross_replace=0.8, self_replace=0.4))
        )
    assert gap(first, alone) < 1e-8
    assert gap(other, alone) > 1e-4
