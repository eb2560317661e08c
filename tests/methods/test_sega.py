"""SEGA: what its concepts do to a walk, and what the pipeline of diffusers makes of the same."""

from typing import Any

import pytest
import torch
from tests.kit import gap, shared
from tests.methods.watching import unchecked

from overpaint.contract.trial import SIZE, picture, run
from overpaint.errors import UsageError
from overpaint.inversions import DDIM
from overpaint.meter import Meter
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.sega import Sega
from overpaint.path import Latent
from overpaint.task import Request, Task

STEPS = 4


def task(target: str = "") -> Task:
    card = Sega.card
    request = Request(source="a photo of a cat", target=target)
    return Task.of(shared(), request, card.needs, picture(), SIZE, optional=card.optional)


def made(given: Task, meter: Meter | None = None, **options: Any) -> Latent:
    return run(shared(), Sega.model_validate({"steps": STEPS, **options}), given, meter).latents[0]


def test_concepts_that_never_set_in_leave_the_walk_as_it_was() -> None:
    given = task()
    with torch.no_grad():
        texts = given.source, given.source, given.null
        walk = DDIM().walk(shared(), shared().path(STEPS), given.x0, texts, 7.5, given.noise)
        plain = walk.alone(shared())["tgt"]
    for never in ({"warmup": STEPS}, {"warmup": 0, "cooldown": 0}):
        idle = Sega.model_validate({"steps": STEPS, "concept": "+dog:5", **never})
        assert gap(unchecked(shared(), idle, given), plain) < 1e-4
    assert gap(made(given, concept="+dog:5", warmup=1), plain) > 1e-2


def test_another_prompt_may_be_walked_with() -> None:
    given = task("a photo of a dog")
    with torch.no_grad():
        other = run(shared(), DDIMEdit(steps=STEPS), given).latents[0]
    idle = Sega(steps=STEPS, warmup=STEPS).changed(concept="+grass:5")
    assert gap(unchecked(shared(), idle, given), other) < 1e-4


def test_a_row_for_each_concept() -> None:
    for inversion in ("ddim", "edict", "virtual"):
        meter = Meter()
        options: dict[str, Any] = {"concept": ["+dog:5", "-grass:3", "+red:1"], "warmup": 0}
        options |= {"inversion": {"name": inversion}}
        made(task(), meter, **options)
        cost = Sega.card.cost(Sega.model_validate({"steps": STEPS, **options}))
        assert cost.rows == (meter.rows, meter.rows)


def test_no_concept_is_a_sentence_before_any_work() -> None:
    meter = Meter()
    with pytest.raises(UsageError, match="There is no concept"):
        made(task(), meter)
    assert meter.calls == 0


def test_a_concept_that_would_never_set_in_is_a_sentence_before_any_work() -> None:
    meter = Meter()
    with pytest.raises(UsageError, match="sets in after 10 steps and 4 are walked"):
        made(task(), meter, concept="+dog:5")
    assert meter.calls == 0


def test_a_concept_that_is_too_long_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="reads at most"):
        made(task(), concept=f"+{'dog ' * 99}:3")
