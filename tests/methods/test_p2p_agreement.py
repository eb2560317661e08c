"""Prompt-to-Prompt where both prompts agree: the picture stays, whatever the windows let through."""

from typing import Any

import pytest
import torch
from tests.kit import clean, draw, shared, text
from tests.methods.watching import watched

from overpaint.families.tiny import SHAPES, Shape
from overpaint.inversions import (
    AnyInversion,
    Cycle,
    Direct,
    Edict,
    EditFriendly,
    FixedPoint,
    NegativePrompt,
    Virtual,
)
from overpaint.meter import Meter
from overpaint.methods.p2p import PromptToPrompt
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task

STEPS = 4
X0 = draw(1, 4, 8, 8, seed=11)
SOURCE, TARGET = "a cat on the grass", "a dog on the grass"


def task(shape: Shape = "sd1", target: str = TARGET) -> Task:
    null = shared(shape).family.null()
    return Task((1, 4, 8, 8), null, Noise(0), X0, text(shape, SOURCE), text(shape, target))


def p2p(**fields: Any) -> PromptToPrompt:
    return PromptToPrompt.model_validate({"steps": STEPS, "blend_disagreement": 0.5, **fields})


def edited(model: Model, given: Task, method: PromptToPrompt) -> Latent:
    with torch.no_grad():
        made = method(model, given)
    assert not isinstance(made, Outcome), "one target is one latent"
    return made


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("windows", [0.0, 0.5, 1.0])
def test_the_same_prompt_twice_is_the_picture_to_the_bit(shape: Shape, windows: float) -> None:
    method = p2p(cross_replace=windows, self_replace=windows)
    assert torch.equal(edited(shared(shape), task(shape, SOURCE), method), X0)


def test_without_it_the_same_prompt_twice_is_a_guided_walk_that_strays() -> None:
    assert not torch.equal(edited(shared(), task(target=SOURCE), p2p(blend_disagreement=0)), X0)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_picture_stays_to_the_bit_outside_and_changes_inside(shape: Shape) -> None:
    model = watched(shared(shape))
    with model.metered(Meter()) as meter:
        made = edited(model, task(shape), p2p())
    inside = meter.maps["disagreement"] > 0.5
    assert 0 < int(inside.sum()) < 64
    assert torch.equal(made[..., ~inside], X0[..., ~inside])
    assert bool((made != X0)[..., inside].any(1).all())
    assert clean(model)


def test_a_higher_threshold_lets_less_change() -> None:
    shares = list[float]()
    for threshold in (0.2, 0.5, 0.8):
        model = watched(shared())
        with model.metered(Meter()) as meter:
            edited(model, task(), p2p(blend_disagreement=threshold))
        shares += meter.notes["disagreement"]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


def test_a_word_that_counts_more_changes_something_though_the_prompts_are_the_same() -> None:
    made = edited(shared(), task(target=SOURCE), p2p(reweight={"cat": 5.0}))
    assert not torch.equal(made, X0)


@pytest.mark.sample(5)
@pytest.mark.parametrize(
    "inversion",
    [Direct(), NegativePrompt(), Edict(), EditFriendly(), Cycle(), Virtual(), FixedPoint()],
    ids=lambda o: type(o).__name__,
)
@pytest.mark.parametrize("target", [SOURCE, TARGET])
def test_the_card_states_the_cost_over_any_inversion(inversion: AnyInversion, target: str) -> None:
    model, method = watched(shared()), p2p(inversion=inversion)
    with model.metered(Meter()) as meter:
        edited(model, task(target=target), method)
    least, most = method.card.cost(method).rows
    assert least <= meter.rows <= most


def test_it_goes_together_with_words_to_blend() -> None:
    both = edited(shared(), task(), p2p(blend="cat=>dog", blend_version=1, blend_threshold=0.9))
    words = edited(
        shared(), task(), p2p(blend="cat=>dog", blend_version=1, blend_threshold=0.9, blend_disagreement=0)
    )
    assert float((both == X0).float().mean()) >= float((words == X0).float().mean())
