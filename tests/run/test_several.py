"""Several targets in Python: what an edit holds of each."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.kit import shared
from tests.test_api import SOURCE, smooth

from overpaint import api
from overpaint.api import cite, rerun
from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.options import Suits
from overpaint.run.request import targets_of
from overpaint.run.result import Edit

TARGETS = ["a dog on the grass", "a bird on the grass"]


def edited(model: Model | None = None, **more: Any) -> Edit:
    said: dict[str, Any] = {"source": SOURCE, "target": TARGETS, "steps": 2, **more}
    return api.edit(smooth(), model=model or shared(), **said)


def test_each_is_an_edit_by_itself() -> None:
    made = edited()
    assert len(made.latents) == len(made.targets) == 2 and len(made.others) == 1
    first, second = made.apart
    assert np.array_equal(first.picture.rgb, made.picture.rgb)
    assert np.array_equal(second.picture.rgb, made.others[0].rgb)
    assert [one.recipe.target for one in (first, second)] == TARGETS == made.recipe.targets
    assert (first.others, second.latent.shape) == ((), made.latent.shape)
    assert cite(second) == cite(made)
    for one in (made, first, second):
        again = rerun(one, model=shared())
        assert again.recipe.output == one.recipe.output and len(again.others) == len(one.others)


def test_words_and_masks_belong_to_a_target() -> None:
    made = edited(maps=True, blend="cat=>dog,bird")
    own = [dict(one.words) for one in made.targets]
    assert ["dog" in one for one in own] == [True, False] and "bird" in own[1]
    assert [word for word, _ in made.words] == [word for one in made.targets for word, _ in one.words]
    assert all(one.mask is not None for one in made.targets)
    assert made.apart[1].mask is made.targets[1].mask


def test_it_is_shown_with_all_of_them() -> None:
    made = edited()
    assert made.facts["target"] == ", ".join(TARGETS)
    assert made.strip().size[1] > 2.5 * made.strip().size[0]
    assert "bird" in made._repr_html_()  # pyright: ignore[reportPrivateUsage]


def test_one_in_a_list_is_one() -> None:
    one, plain = edited(target=TARGETS[:1]), edited(target=TARGETS[0])
    assert one.recipe.output == plain.recipe.output and one.targets == ()
    assert one.recipe.request == plain.recipe.request


def test_a_model_suggests_what_suits_all_of_them() -> None:
    words = {"red": "colour", "blue": "colour", "cat": "thing", "dog": "thing"}
    edits = {
        "thing": {"cross_replace": 0.3, "guidance": 4.0},
        "attribute": {"cross_replace": 0.1, "guidance": 4.0},
    }
    suits = Suits.model_validate({"edits": {"p2p": edits}, "words": words})
    model = replace(shared(), suits=suits)
    found = edited(model, source="a red cat", target=["a red dog", "a blue cat"]).recipe.options
    assert (found["guidance"], found["cross_replace"]) == (4.0, 0.8)


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ([], "1 to 16 targets"),
        (["a dog", 3], "a prompt is text"),
        (7, "a prompt is text"),
        (["a dog", ""], "One of the targets is empty"),
    ],
)
def test_what_is_no_list_of_prompts_is_refused(target: Any, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        targets_of(target)
