"""LEDITS and LEDITS++: what their concepts do to a walk over the picture's own noise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import gap, shared
from tests.methods.watching import unchecked

from overpaint import edit, rerun
from overpaint.contract.trial import SIZE, mask, picture, run
from overpaint.errors import UsageError
from overpaint.images import from_tensor, to_pil
from overpaint.inversions import EditFriendly
from overpaint.meter import Meter
from overpaint.method import Method
from overpaint.methods.edit_friendly import EditFriendlyEdit
from overpaint.methods.ledits import Ledits
from overpaint.methods.ledits_pp import LeditsPP, visited
from overpaint.path import Latent
from overpaint.task import Request, Task

STEPS = 6
BOTH: list[type[Method]] = [Ledits, LeditsPP]


def task(kind: type[Method], target: str = "", where: torch.Tensor | None = None) -> Task:
    card, request = kind.card, Request(source="a photo of a cat", target=target)
    return Task.of(shared(), request, card.needs, picture(), SIZE, optional=card.optional, mask=where)


def made(kind: type[Method], given: Task, meter: Meter | None = None, **options: Any) -> Latent:
    return run(shared(), kind.model_validate({"steps": STEPS, **options}), given, meter).latents[0]


ROUNDING = 1e-3
"""What single precision loses on the way; tests of the inversion hold it to double precision."""


@pytest.mark.parametrize(("warmup", "cooldown"), [(STEPS, None), (0, 0)])
def test_without_an_acting_concept_the_picture_comes_back(warmup: int, cooldown: int | None) -> None:
    given = task(LeditsPP)
    idle = LeditsPP.model_validate(
        {"steps": STEPS, "concept": "+dog:5", "warmup": warmup, "cooldown": cooldown}
    )
    back = unchecked(shared(), idle, given)
    assert gap(back, given.x0) < ROUNDING
    assert gap(made(LeditsPP, given, concept="+dog:5"), given.x0) > 1e-2


def test_without_an_acting_concept_the_first_order_walk_is_the_edit_friendly_one() -> None:
    given = task(Ledits, "a photo of a dog")
    plain = run(shared(), EditFriendlyEdit(steps=STEPS), given).latents[0]
    idle = Ledits.model_validate({"steps": STEPS, "concept": "+red:7", "warmup": STEPS})
    assert gap(unchecked(shared(), idle, given), plain) < 1e-4
    assert gap(made(Ledits, given, concept="+red:7", warmup=0), plain) > 1e-2


def test_without_any_concept_the_target_does_the_work() -> None:
    given = task(Ledits, "a photo of a dog")
    plain = run(shared(), EditFriendlyEdit(steps=STEPS), given).latents[0]
    assert torch.equal(made(Ledits, given), plain)


def test_a_target_prompt_is_the_concept_to_add_where_none_is_said(tmp_path: Path) -> None:
    where = tmp_path / "a.png"
    said: dict[str, Any] = {"model": shared(), "method": "ledits++", "steps": 2}
    to_pil(from_tensor(picture())).save(where)
    told = edit(where, target="a red: dog; here", **said)
    options: Any = told.recipe.options
    (concept,) = options["concept"]
    assert told.recipe.chosen["concept"] == "prompts" and concept["text"] == "a red: dog; here"
    again = edit(where, concept=[{"text": "a red: dog; here", "sign": "+", "strength": 5}], **said)
    assert torch.equal(told.latent, again.latent)
    assert torch.equal(rerun(told.save(tmp_path / "b.png"), model=shared()).latent, told.latent)
    with pytest.raises(UsageError, match="the target prompt would do nothing"):
        edit(where, target="a dog", concept=["+dog:5"], **said)


def test_the_order_of_concepts_does_not_matter() -> None:
    given = task(LeditsPP)
    one, other = (made(LeditsPP, given, concept=c) for c in (["+dog:5", "-red:3"], ["-red:3", "+dog:5"]))
    assert gap(one, other) < 1e-4


def test_away_is_towards_with_the_other_sign_of_the_push() -> None:
    given = task(LeditsPP)
    towards, away = (made(LeditsPP, given, concept=f"{sign}dog:5") for sign in "+-")
    assert gap(towards, away) > 1e-2


def test_a_mask_that_is_given_limits_those_that_are_found() -> None:
    given, nowhere = task(LeditsPP, where=mask()), task(LeditsPP, where=torch.zeros(1, 1, *SIZE))
    pushed = LeditsPP.model_validate({"steps": STEPS, "concept": "+dog:5"})
    assert gap(unchecked(shared(), pushed, nowhere), nowhere.x0) < ROUNDING
    assert gap(made(LeditsPP, given, concept="+dog:5"), given.x0) > 1e-3


@pytest.mark.parametrize("found", ["both", "noise", "attention"])
def test_masks_are_shown_by_concept(found: str) -> None:
    meter = Meter()
    made(LeditsPP, task(LeditsPP), meter, concept=["+dog:5", "-red:3"], found=found)
    shown = {name: masks for name, masks in meter.maps.items() if name in ("+dog", "-red")}
    assert {tuple(masks.shape) for masks in shown.values()} == {(STEPS, 8, 8)} and len(shown) == 2
    assert "mask" in meter.maps


def test_both_kinds_of_mask_together_lie_within_each() -> None:
    kept: dict[str, torch.Tensor] = {}
    for found in ("both", "noise", "attention"):
        meter = Meter()
        made(LeditsPP, task(LeditsPP), meter, concept="+dog:5", found=found)
        kept[found] = meter.maps["+dog"][0]  # of the first step, where all three stand at the same latent
    assert bool((kept["both"] <= kept["noise"]).all()) and bool((kept["both"] <= kept["attention"]).all())


@pytest.mark.parametrize("kind", BOTH)
def test_no_concept_is_a_sentence_before_any_work(kind: type[Method]) -> None:
    meter = Meter()
    with pytest.raises(UsageError, match="There is no concept"):
        made(kind, task(kind), meter)
    assert meter.calls == 0


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        (Ledits, {"warmup": 6}, "as it sets in after 6 steps and 4 are walked; give a smaller warmup"),
        (Ledits, {"cooldown": 0}, "as it ends at step 0 and sets in after 2; give a larger cooldown"),
        (Ledits, {"momentum": 0, "cooldown": 2}, "ends at step 2 and sets in after 2"),
        (LeditsPP, {"warmup": 2, "cooldown": 2}, "ends at step 2 and sets in after 2"),
        (LeditsPP, {"warmup": 6}, "sets in after 6 steps and 6 are walked"),
        (LeditsPP, {"concept": ["-red:3", "+dog:5;warmup=9"]}, "'\\+dog' would never push"),
    ],
)
def test_a_concept_that_would_never_push_is_a_sentence_before_any_work(
    kind: type[Method], options: dict[str, Any], sentence: str
) -> None:
    meter = Meter()
    with pytest.raises(UsageError, match=sentence):
        made(kind, task(kind), meter, **{"concept": "+dog:5", **options})
    assert meter.calls == 0


def test_what_was_gathered_before_acts_on_after_a_concept_has_ended() -> None:
    given = task(Ledits)
    idle = Ledits.model_validate({"steps": STEPS, "concept": "+dog:5", "warmup": STEPS})
    assert gap(made(Ledits, given, concept="+dog:5", cooldown=2), unchecked(shared(), idle, given)) > 1e-4


def test_a_mask_thinner_than_a_cell_is_a_sentence() -> None:
    thin = torch.zeros(1, 1, *SIZE)
    thin[..., 5, 4:20] = 1
    with pytest.raises(UsageError, match=r"thinner than a cell .*; paint it wider"):
        made(LeditsPP, task(LeditsPP, where=thin), concept="+dog:5")


def test_to_encode_with_a_source_prompt_that_is_not_given_is_a_sentence() -> None:
    meter, silent = Meter(), replace(task(LeditsPP), given_source=None)
    with pytest.raises(UsageError, match="give the source prompt"):
        made(LeditsPP, silent, meter, concept="+dog:5", encode="source")
    assert meter.calls == 0
    made(LeditsPP, silent, concept="+dog:5")


def test_the_noisiest_level_is_the_published_one() -> None:
    for skip, top in ((0.0, 999), (0.15, 849), (0.5, 499), (0.9, 99)):
        assert int(visited(LeditsPP(steps=4, skip=skip), shared()).t[0]) == top


def test_more_steps_than_levels_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="there are 99 levels, fewer than 200 steps"):
        made(LeditsPP, task(LeditsPP), concept="+dog:5", steps=200, skip=0.9)


def test_steps_of_second_order_are_as_random_as_they_are() -> None:
    with pytest.raises(ValueError, match="an eta of 1, not"):
        EditFriendly(order=2, eta=0.5)
