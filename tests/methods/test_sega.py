"""SEGA: what its concepts do to a walk, and what the pipeline of diffusers makes of the same."""

from typing import Any

import pytest
import torch
from tests.kit import gap, shared
from tests.parity import Golden, difference, golden_model, outliers

from overpaint.contract.trial import SIZE, picture, run
from overpaint.errors import UsageError
from overpaint.guides import CFG
from overpaint.guides.semantic import Semantic, Term
from overpaint.inversions import DDIM
from overpaint.meter import Meter
from overpaint.methods.ddim import DDIMEdit
from overpaint.methods.sega import Sega
from overpaint.model import Branch
from overpaint.path import Latent
from overpaint.sample import Latents, denoise
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
    assert gap(made(given, concept="+dog:5", warmup=STEPS), plain) < 1e-4
    assert gap(made(given, concept="+dog:5", warmup=0, cooldown=0), plain) < 1e-4
    assert gap(made(given, concept="+dog:5", warmup=1), plain) > 1e-2


def test_another_prompt_may_be_walked_with() -> None:
    given = task("a photo of a dog")
    with torch.no_grad():
        other = run(shared(), DDIMEdit(steps=STEPS), given).latents[0]
    assert gap(made(given, concept="+grass:5", warmup=STEPS), other) < 1e-4


def test_a_row_for_each_concept() -> None:
    for inversion in ("ddim", "edict"):
        meter = Meter()
        options = {"concept": ["+dog:5", "-grass:3", "+red:1"], "inversion": {"name": inversion}}
        made(task(), meter, **options)
        cost = Sega.card.cost(Sega.model_validate({"steps": STEPS, **options}))
        assert cost.rows == (meter.rows, meter.rows)


def test_no_concept_is_a_sentence_before_any_work() -> None:
    meter = Meter()
    with pytest.raises(UsageError, match="There is no concept"):
        made(task(), meter)
    assert meter.calls == 0


def test_a_concept_that_is_too_long_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="reads at most"):
        made(task(), concept=f"+{'dog ' * 99}:3")


def test_parity_with_the_pipeline() -> None:
    golden, model, states = Golden.load("sega"), golden_model(), list[Latent]()
    said = golden.settings.get
    columns: Any = zip(
        said("editing_prompt"),  # pyright: ignore[reportArgumentType]
        said("edit_guidance_scale"),  # pyright: ignore[reportArgumentType]
        said("reverse_editing_direction"),  # pyright: ignore[reportArgumentType]
        said("edit_threshold"),  # pyright: ignore[reportArgumentType]
        said("edit_warmup_steps"),  # pyright: ignore[reportArgumentType]
        strict=True,
    )
    terms = [
        Term(words, model.family.text(words), -scale if away else scale, threshold, warmup)
        for words, scale, away, threshold, warmup in columns
    ]
    base = CFG(model.family.text(str(said("prompt"))), model.family.null(), 7.5)
    guide = Semantic(base, terms, momentum=0.1, beta=0.4)

    def keep(i: int, xs: Latents) -> Latents:
        states.append(xs["tgt"])
        return xs

    with torch.no_grad():
        denoise(model, model.path(10), {"tgt": golden["x_T"]}, [Branch("tgt", guide)], after=keep)
    for k, stored in zip(golden.numbers("kept_steps"), golden["edited_steps"], strict=True):
        assert outliers(states[k][0, :, ::2, ::2], stored, 2e-4) <= 0.001
    assert outliers(states[-1][..., ::2, ::2], golden["edited"], 2e-4) <= 0.001
    assert difference(states[0][0, :, ::2, ::2], golden["edited_steps"][0]) <= 2e-4
