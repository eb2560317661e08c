"""Masks that the model finds: from words and from two prompts, before the edit and counted apart from it."""

from typing import Any

import numpy as np
import pytest
from tests.images.kit import smooth
from tests.kit import shared

import overpaint
from overpaint.errors import UsageError
from overpaint.masks.attended import STEPS
from overpaint.meter import Meter
from overpaint.run.locating import CONTRAST, located, rows_of
from overpaint.run.plan import plan
from overpaint.run.request import edit_request
from overpaint.run.result import Edit
from overpaint.run.where import Seek, Where

NONE: dict[str, Any] = {}
SOURCE, TARGET = "a cat on the grass", "a dog on the grass"


def edit(model: Any = None, **more: Any) -> Edit:
    said: dict[str, Any] = {"source": SOURCE, "target": TARGET, "steps": 2, "method": "inpaint"}
    return overpaint.edit(smooth(), model=model or shared(), look=False, **{**said, **more})


@pytest.mark.parametrize("shape", ["sd1", "sd1-inpaint"])
def test_outside_of_what_was_found_every_pixel_stays_and_the_recipe_needs_no_search(shape: str) -> None:
    made = edit(shared(shape), mask_words="cat")
    assert made.mask is not None and made.figures.look_rows == STEPS and made.figures.rows == 4
    inside = made.mask.rgb[..., 0] == 255
    changed = (made.picture.rgb != np.asarray(smooth())).any(-1)
    assert changed[inside].any() and not changed[~inside].any()
    again = overpaint.rerun(made, model=shared(shape))
    assert np.array_equal(again.picture.rgb, made.picture.rgb) and again.figures.look_rows == 0


def test_what_prompts_disagree_about_is_a_mask_too() -> None:
    made = edit(mask_diff=True)
    assert made.figures.look_rows == CONTRAST.rows == rows_of(Seek(contrast=True))
    assert made.mask is not None and 0 < (made.mask.rgb == 255).mean() < 1
    with pytest.raises(UsageError, match="sees no place where the two prompts disagree"):
        edit(mask_diff=True, target=SOURCE)


def test_words_are_looked_up_in_the_source_or_stand_for_themselves() -> None:
    with pytest.raises(UsageError, match="The word 'horse' is not in the prompt"):
        edit(mask_words="horse")
    assert edit(mask_words="horse", source="").mask is not None


def test_everything_else_is_refused_before_the_search() -> None:
    meter = Meter()
    for wrong, words in (
        ({"strength": 0.0}, "a larger strength"),
        ({"mask": np.ones((48, 64), bool)}, "give one of them"),
        ({"mask_diff": True}, "give one of them"),
        ({"mask_words": " , "}, "Name the words"),
        ({"extend": "left=8"}, "leave out the search"),
    ):
        said: dict[str, Any] = {"mask_words": "cat", **wrong}
        with pytest.raises(UsageError, match=words):
            edit(meter=meter, **said)
    assert meter.calls == 0


def test_a_found_mask_is_widened_and_softened_like_any_other() -> None:
    asked = edit_request(
        *("edit", "inpaint", smooth(), {"source": SOURCE, "target": TARGET, "grow": 3}, NONE),
        where=Where(contrast=True),
    )
    bare = edit_request(
        *("edit", "inpaint", smooth(), {"source": SOURCE, "target": TARGET}, NONE), where=Where(contrast=True)
    )
    assert plan(asked, shared()).asked.mask is not None  # everywhere, until it is found
    wide, plain = (located(one, shared(), Meter()).mask for one in (asked, bare))
    assert wide is not None and plain is not None
    assert (wide.weights > 0).sum() > (plain.weights > 0).sum()
    assert bool((wide.weights[plain.weights > 0] > 0).all())
