"""Blended latent diffusion: what lies outside the mask, and inside."""

import pytest
import torch
from tests.kit import gap, shared
from tests.methods.watching import unchecked

from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.guides import CFG
from overpaint.meter import Meter
from overpaint.methods.blended_latent import BlendedLatent
from overpaint.model import Branch
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.task import Request, Task

STEPS = 4


def task(where: torch.Tensor | None = None, seed: int = 0) -> Task:
    request = Request(target="a photo of a dog", seed=seed)
    given = mask() if where is None else where
    return Task.of(shared(), request, BlendedLatent.card.needs, picture(), SIZE, mask=given)


def made(given: Task, meter: Meter | None = None, **options: object) -> list[Latent]:
    method = BlendedLatent.model_validate({"steps": STEPS, **options})
    return list(run(shared(), method, given, meter).latents)


def test_where_nothing_may_change_the_picture_is_put_back() -> None:
    given = task(torch.zeros(1, 1, *SIZE))
    blend = {"when": "after", "level": "next", "end": "clean"}
    end = unchecked(shared(), BlendedLatent.model_validate({"steps": STEPS, "blend": blend}), given)
    assert torch.equal(end, given.x0)


def test_where_all_may_change_it_is_plain_sampling() -> None:
    given = task(torch.ones(1, 1, *SIZE))
    (end,) = made(given)
    path = shared().path(STEPS)
    start = path.noised(given.x0, given.noise.normal(given.shape, "blended", "tgt"), 0)
    with torch.no_grad():
        plain = denoise(shared(), path, {"tgt": start}, [Branch("tgt", CFG(given.target, given.null, 7.5))])[
            "tgt"
        ]
    assert gap(end, plain) < 1e-6


def test_results_differ_inside_and_are_best_kept_apart() -> None:
    meter = Meter()
    one, two = made(task(), meter, samples=2)
    assert one.shape == two.shape == (1, 4, 8, 8)
    assert gap(one[..., :3], two[..., :3]) > 1e-3
    assert (meter.calls, meter.rows) == (STEPS, 4 * STEPS)


def test_no_step_at_all_is_the_picture_and_refused() -> None:
    given, method = task(), BlendedLatent(steps=STEPS, skip=1)
    with torch.no_grad():
        (end,) = method(shared(), given).latents
    assert torch.equal(end, given.x0)
    with pytest.raises(UsageError, match="a smaller skip"):
        made(given, skip=1)


def test_skipped_steps_are_not_walked() -> None:
    meter = Meter()
    made(task(), meter, skip=0.5)
    assert meter.rows == 2 * 2


def test_a_mask_thinner_than_a_cell_is_a_sentence_unless_pixels_are_blended() -> None:
    thin, meter = torch.zeros(1, 1, *SIZE), Meter()
    thin[..., 5, 4:20] = 1
    with pytest.raises(UsageError, match=r"thinner than a cell .*; let cells be 'touched'"):
        made(task(thin), meter)
    assert meter.calls == 0
    for more in ({"cells": "touched"}, {"pixel_share": 0.5}):
        (end,) = made(task(thin), blend=more)
        assert gap(end, task(thin).x0) > 1e-3


def test_the_mask_is_asked_for_in_a_sentence() -> None:
    request = Request(target="a photo of a dog")
    with pytest.raises(UsageError, match="give a mask that is white where it may"):
        Task.of(shared(), request, BlendedLatent.card.needs, picture(), SIZE)
