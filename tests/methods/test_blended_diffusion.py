"""Blended diffusion: what no pull and no mask make of it, what a pull does, and how candidates are ranked."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.kit import gap, shared
from tests.methods.watching import unchecked

from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.families.clip import named
from overpaint.families.tiny import tiny_eye
from overpaint.guides import Plain
from overpaint.losses.clip import distances
from overpaint.meter import Meter
from overpaint.methods.blended_diffusion import BlendedDiffusion
from overpaint.model import Branch, Model
from overpaint.outcome import Outcome
from overpaint.sample import ancestral, each
from overpaint.task import Request, Task

STEPS = 4


def seeing(model: Model | None = None) -> Model:
    return replace(model or shared(), open_eye=tiny_eye)


def task(where: torch.Tensor | None = None, seed: int = 0) -> Task:
    request = Request(target="a photo of a dog", seed=seed)
    given = mask() if where is None else where
    return Task.of(shared(), request, BlendedDiffusion.card.needs, picture(), SIZE, mask=given)


def made(given: Task, meter: Meter | None = None, **options: object) -> Outcome:
    method = BlendedDiffusion.model_validate({"steps": STEPS, "copies": 2, "strength": 100.0, **options})
    return run(seeing(), method, given, meter)


def test_where_nothing_may_change_the_picture_is_put_back() -> None:
    given = task(torch.zeros(1, 1, *SIZE))
    method = BlendedDiffusion(steps=STEPS, copies=2)
    assert torch.equal(unchecked(seeing(), method, given), given.x0)


def test_without_a_pull_and_with_a_whole_mask_it_is_plain_random_sampling() -> None:
    given, meter = task(torch.ones(1, 1, *SIZE)), Meter()
    (end,) = made(given, meter, strength=0.0).latents
    path, model = shared().path(STEPS).last(3), shared()
    start = path.noised(given.x0, given.noise.normal(given.shape, "start", "tgt"), 0)
    branch = Branch("tgt", Plain(given.null))
    step = ancestral(lambda i: given.noise.normal(given.shape, "step", "tgt", i))
    with torch.no_grad():
        xs = {"tgt": start}
        for i in range(2):
            xs, _ = each(step)(lambda now, i=i: model.predict(now, i, path, [branch]), path, i, xs)
        belief = model.predict(xs, 2, path, [branch])["tgt"].x0
    assert gap(end, belief) < 1e-6
    assert (meter.rows, meter.backwards, meter.looks) == (3, 0, 0)


def test_a_pull_brings_the_result_nearer_to_the_prompt() -> None:
    model, given = seeing(), task(torch.ones(1, 1, *SIZE))

    def distance(strength: float) -> float:
        (end,) = made(given, strength=strength, shift="noise", copies=1, skip=0.5).latents
        return distances(tiny_eye(), [model.family.decode(end)], "a photo of a dog")[0]

    assert distance(30.0) < distance(0.0)


@pytest.mark.parametrize("shift", ["mean", "noise"])
def test_each_kind_of_shift_leaves_no_gradient_behind(shift: str) -> None:
    (end,) = made(task(), shift=shift).latents
    assert not end.requires_grad and bool(torch.isfinite(end).all())


def test_held_instead_of_blended_the_outside_may_change() -> None:
    given = task()
    blended, held = (made(given, outside=w).latents[0] for w in (0.0, 100.0))
    right = (..., slice(4, None))
    assert torch.equal(blended[right], given.x0[right])
    assert not torch.equal(held[right], given.x0[right])


def test_candidates_come_nearest_first_with_a_score_each() -> None:
    meter = Meter()
    outcome = made(task(), meter, samples=3)
    scores = list(outcome.scores["distance"])
    assert len(outcome.latents) == 3 and scores == sorted(scores)
    assert (meter.rows, meter.backwards, meter.looks) == (9, 9, 2 * 9 + 3)
    alone = made(task()).latents[0]
    assert any(torch.equal(alone, one) for one in outcome.latents)


def test_without_clip_it_is_refused_with_the_way_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hf download"):
        run(shared(), BlendedDiffusion(steps=STEPS), task())
    with pytest.raises(UsageError, match="hf download openai/clip-vit-base-patch16"):
        named("openai/clip-vit-base-patch16", torch.device("cpu"))
    with pytest.raises(UsageError, match="holds no CLIP with both towers"):
        named(str(tmp_path), torch.device("cpu"))


def test_a_mask_thinner_than_a_cell_is_a_sentence_unless_nothing_is_blended() -> None:
    thin, meter = torch.zeros(1, 1, *SIZE), Meter()
    thin[..., 5, 4:20] = 1
    with pytest.raises(UsageError, match="thinner than a cell"):
        made(task(thin), meter)
    assert meter.calls == 0
    assert gap(made(task(thin), outside=100.0).latents[0], task(thin).x0) > 1e-3


def test_no_step_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="a smaller skip"):
        made(task(), skip=1.0)
