"""Everyday edits are `inpaint` with what suits each of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import overpaint
from overpaint.errors import UsageError
from overpaint.everyday import AROUND, left_of
from tests.images.kit import smooth
from tests.kit import shared

SOURCE = "a cat and a dog on the grass"
BOX = (10, 8, 20, 24)
LITTLE: dict[str, Any] = {"steps": 2, "look": False}


def model() -> Any:
    return shared("sd1-inpaint")


def test_inpaint_is_the_method_of_that_name() -> None:
    one = overpaint.inpaint(smooth(), target="a dog", mask_box=BOX, model=model(), **LITTLE)
    same = overpaint.edit(smooth(), target="a dog", mask_box=BOX, method="inpaint", model=model(), **LITTLE)
    assert np.array_equal(one.picture.rgb, same.picture.rgb)
    with pytest.raises(UsageError, match="give a mask that is white"):
        overpaint.inpaint(smooth(), target="a dog", model=model(), **LITTLE)


def test_outpaint_continues_what_the_picture_shows(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not say what it shows"):
        overpaint.outpaint(smooth(), extend="left=8", model=model(), **LITTLE)
    with pytest.raises(UsageError, match="by how many pixels"):
        overpaint.outpaint(smooth(), extend="", model=model(), **LITTLE)
    first = overpaint.outpaint(smooth(), extend="left=8", target="a cat", model=model(), **LITTLE)
    second = overpaint.outpaint(first, extend="right=16,top=8", model=model(), **LITTLE)
    assert second.recipe.request["target"] == "a cat"
    assert np.array_equal(second.picture.rgb[8:, 8 : 8 + 64], np.asarray(smooth()))
    file = first.save(tmp_path / "wide.png")
    with file.open("rb") as opened:
        again = overpaint.outpaint(opened, extend="right=16,top=8", model=model(), **LITTLE)
    assert np.array_equal(again.picture.rgb, second.picture.rgb)


def test_remove_asks_for_what_is_left_where_the_thing_was() -> None:
    made = overpaint.remove(smooth(), "cat", source=SOURCE, model=model(), **LITTLE)
    assert made.recipe.request["target"] == "a dog on the grass" == left_of(SOURCE, "cat")
    assert made.recipe.request["grow"] == AROUND and made.figures.look_rows > 0
    assert made.mask is not None
    changed = (made.picture.rgb != np.asarray(smooth())).any(-1)
    assert not changed[made.mask.rgb[..., 0] == 0].any()
    boxed = overpaint.remove(smooth(), "cat", source=SOURCE, mask_box=BOX, grow=0, model=model(), **LITTLE)
    assert boxed.figures.look_rows == 0 and boxed.mask is not None
    assert int((boxed.mask.rgb[..., 0] == 255).sum()) == 20 * 24


def test_what_is_left_must_be_known() -> None:
    with pytest.raises(UsageError, match="nobody knows what belongs there"):
        overpaint.remove(smooth(), "cat", model=model(), **LITTLE)
    with pytest.raises(UsageError, match="Name what to remove"):
        overpaint.remove(smooth(), source=SOURCE, mask_box=BOX, model=model(), **LITTLE)
    made = overpaint.remove(smooth(), target="grass", mask_box=BOX, model=model(), **LITTLE)
    assert made.recipe.request["target"] == "grass"
