"""What a model suggests holds where a user says nothing, and is what the recipe tells."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import shared
from tests.test_api import SOURCE, TARGET, edited, same, smooth

from overpaint.api import edit, rerun
from overpaint.errors import UsageError
from overpaint.inversions import DDIM, Direct, NegativePrompt
from overpaint.model import Model
from overpaint.options import Options, Suits
from overpaint.run.request import edit_request
from overpaint.run.suiting import suggested
from overpaint.tune.patch import Weights

THING = {"cross_replace": 0.3, "guidance": 4.0, "inversion": {"name": "ddim"}}
HALF = {"strength": 0.5}
WORDS = {"red": "colour", "blue": "colour"}


def suggesting(edits: Mapping[str, Mapping[str, Any]]) -> Model:
    suits = Suits.model_validate({"edits": {"p2p": edits}, "words": WORDS})
    return replace(shared(), suits=suits)


def options(model: Model, source: str = SOURCE, target: str = TARGET, **more: Any) -> Mapping[str, Any]:
    return edited(source=source, target=target, model=model, **more).recipe.options


def test_what_suits_the_prompts_holds_and_stands_in_the_recipe() -> None:
    found = options(suggesting({"thing": THING, "attribute": {"cross_replace": 0.1}}))
    assert (found["cross_replace"], found["guidance"]) == (0.3, 4.0)
    assert found["inversion"] == DDIM(convention="published").model_dump()
    assert (found["self_replace"], found["tuned"]) == (0.4, "auto")


def test_what_suits_every_edit_needs_no_source_prompt() -> None:
    suits = Suits.model_validate({"edits": {"sdedit": {"thing": HALF, "style": {**HALF, "steps": 2}}}})
    model = replace(shared(), suits=suits)
    found = edit(smooth(), target=TARGET, method="sdedit", model=model, steps=4).recipe.options
    assert (found["strength"], found["steps"]) == (0.5, 4)


def test_how_to_learn_is_not_suggested_where_a_file_says_what_was_learned(tmp_path: Path) -> None:
    Weights({"a": torch.ones(1)}, "model", {"method": "imagic"}).save(tmp_path / "own.safetensors")
    table = {"imagic": {"thing": {"steps": 4, "learning": {"updates": 1}}}}
    model = replace(shared(), suits=Suits.model_validate({"edits": table}))
    request = {"target": TARGET, "seed": 0}
    found = [
        suggested(edit_request("edit", "imagic", smooth(), request, given, False), model)
        for given in ({}, {"learned": str(tmp_path / "own.safetensors")})
    ]
    assert [set(one) for one in found] == [{"steps", "learning"}, {"steps"}]


def test_a_user_has_the_last_word() -> None:
    model = suggesting({"thing": THING})
    found = options(model, cross_replace=0.5, inversion="direct")
    assert (found["cross_replace"], found["guidance"]) == (0.5, 4.0)
    assert found["inversion"] == Direct().model_dump()


def test_published_defaults_can_be_asked_for() -> None:
    model = suggesting({"thing": THING})
    asked = edited(model=model, tuned="published")
    plain = edited()
    assert asked.recipe.options == {**plain.recipe.options, "tuned": "published"}
    assert same(asked, plain)


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        ({"attribute": {"self_replace": 0.1}}, 0.1),
        ({"attribute": {"self_replace": 0.1}, "attribute.colour": {"self_replace": 0.2}}, 0.2),
        ({"attribute.size": {"self_replace": 0.2}}, 0.4),
        ({"thing": {"self_replace": 0.2}}, 0.4),
        ({}, 0.4),
    ],
)
def test_the_finest_suggestion_there_is_is_taken(edits: Mapping[str, Any], expected: float) -> None:
    assert options(suggesting(edits), "a red cat", "a blue cat")["self_replace"] == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, DDIM(convention="published")),
        ({"inversion": "direct"}, Direct(every=3)),
        ({"inversion.scale": 0.5}, Direct(every=3, scale=0.5)),
        ({"inversion": "negative-prompt"}, NegativePrompt()),
    ],
)
def test_an_inversion_a_user_chose_takes_what_a_coarser_suggestion_says_of_it(
    said: Mapping[str, Any], expected: Options
) -> None:
    edits = {
        "attribute": {"inversion": {"name": "direct", "every": 3}},
        "attribute.colour": {"inversion": {"name": "ddim"}},
    }
    found = options(suggesting(edits), "a red cat", "a blue cat", **said)
    assert found["inversion"] == expected.model_dump()


def test_a_rerun_repeats_what_was_suggested(tmp_path: Path) -> None:
    model = suggesting({"thing": {"blend_disagreement": 0.3}})
    first = edited(model=model)
    again = rerun(first.save(tmp_path / "cat.png"), model=shared())
    assert again.recipe.options == first.recipe.options
    assert same(again, first)


def test_a_wrong_suggestion_is_one_sentence() -> None:
    with pytest.raises(UsageError, match="self_replace"):
        options(suggesting({"thing": {"self_replace": 7}}))
