"""Where a picture may change, as people say it: boxes, runs, opacity; and what lies around a mask."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.images.kit import smooth
from tests.kit import shared

import overpaint
from overpaint.errors import UsageError
from overpaint.images import Picture, mask_of
from overpaint.images.canvas import Extension, around, box_in, box_mask
from overpaint.images.masking import inverted
from overpaint.run.request import edit_request
from overpaint.run.result import Edit
from overpaint.run.where import Where

SIZE = (48, 64)
BOX = (10, 8, 20, 24)


def inside() -> Any:
    white = np.zeros(SIZE, bool)
    white[8:32, 10:30] = True
    return white


def edit(**more: Any) -> Edit:
    said: dict[str, Any] = {"source": "a cat on the grass", "target": "a dog on the grass", "steps": 2}
    return overpaint.edit(smooth(), model=shared(), method="inpaint", look=False, **{**said, **more})


def test_a_box_is_its_picture_and_so_are_runs() -> None:
    drawn = edit(mask=inside())
    boxed = edit(mask_box="10,8,20,24")
    listed = edit(mask=[y * 64 + 10 if k == 0 else 20 for y in range(8, 32) for k in range(2)])
    for one in (boxed, listed, edit(mask_box=BOX)):
        assert np.array_equal(drawn.picture.rgb, one.picture.rgb)
    changed = (drawn.picture.rgb != np.asarray(smooth())).any(-1)
    assert not changed[~inside()].any() and changed[inside()].mean() > 0.5
    assert drawn.mask is not None and np.array_equal(drawn.mask.rgb[..., 0] == 255, inside())


def test_runs_lie_in_files_and_are_made_again_from_the_recipe(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    flat = inside().T.ravel().astype(int)
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    file.write_text(json.dumps({"size": list(SIZE), "counts": np.diff(edges).tolist()}))
    made = edit(mask=file, context=6)
    again = overpaint.rerun(made, model=shared())
    assert np.array_equal(made.picture.rgb, again.picture.rgb) and "bit for bit" not in str(again.warnings)
    assert np.array_equal(made.mask.rgb[..., 0] == 255, inside()) if made.mask else False


def test_context_shows_the_mask_and_its_surroundings_larger() -> None:
    request = {"target": "a dog", "context": 4}
    asked = edit_request("edit", "inpaint", smooth(), request, {}, where=Where(box=BOX))
    assert asked.part is not None and asked.part.window == (slice(4, 36), slice(6, 34))
    near, whole = edit(mask_box=BOX, context=4), edit(mask_box=BOX)
    source = np.asarray(smooth())
    assert np.array_equal(near.picture.rgb[~inside()], source[~inside()])
    assert not np.array_equal(near.picture.rgb, whole.picture.rgb)
    tight = (edit(mask_box=BOX, context=0).picture.rgb != source).any(-1)
    assert tight[8, 10:30].any() and not tight[~inside()].any()  # no seam of its own inside the mask
    everything = edit(mask_box=(0, 0, 64, 48), context=0)
    assert np.array_equal(everything.picture.rgb, edit(mask_box=(0, 0, 64, 48)).picture.rgb)


def test_around_stops_at_the_border() -> None:
    weights = np.zeros((10, 20), np.uint8)
    weights[2:4, 15:19] = 1
    assert around(weights, 3).window == (slice(0, 7), slice(12, 20))
    assert around(weights, 0).window == (slice(2, 4), slice(15, 19))


def test_a_box_that_leaves_the_picture_is_cut_and_that_is_said() -> None:
    drawn, notes = box_mask((50, 40, 100, 100), SIZE)
    assert (drawn.rgb[..., 0] == 255).sum() == 8 * 14 and "was cut at its border" in notes[0]
    assert any("was cut" in one for one in edit(mask_box="50,40,100,100").warnings)


@pytest.mark.parametrize(
    ("said", "words"),
    [("1,2,3", "x,y,w,h"), ("a,b,c,d", "x,y,w,h"), ((1, 2, 0, 4), "has no area"), (7, "x,y,w,h")],
)
def test_what_is_no_box_is_said(said: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        box_in(said)


def test_what_cannot_be_is_said_before_anything_runs() -> None:
    with pytest.raises(UsageError, match="lies outside the picture"):
        edit(mask_box="100,100,5,5")
    with pytest.raises(UsageError, match="give one of them"):
        edit(mask_box=BOX, mask=inside())
    with pytest.raises(UsageError, match="what lies around a mask"):
        edit(context=8)
    with pytest.raises(UsageError, match="is no mask"):
        edit(mask={"size": [1]})


def test_a_stencil_is_read_by_its_opacity_and_that_is_said() -> None:
    black = np.zeros((*SIZE, 3), np.uint8)
    mask = mask_of(Picture(black, inside().astype(np.uint8) * 255), SIZE)
    assert np.array_equal(mask.weights == 255, inside()) and "its opacity was read" in mask.notes[0]
    with pytest.raises(UsageError, match="black everywhere"):
        mask_of(Picture(black, np.full(SIZE, 255, np.uint8)), SIZE)


def test_a_mask_that_is_nearly_all_white_is_asked_about() -> None:
    white = np.full((100, 10), 255, np.uint8)
    assert "100%" in inverted(white)[0]
    white[:4] = 0
    assert "96%" in inverted(white)[0] and "swap black and white" in inverted(white)[0]
    white[4] = 0
    assert inverted(white) == ()


def test_a_picture_is_extended_and_what_it_showed_stays() -> None:
    made = edit(extend="left=16,bottom=8")
    old = np.asarray(smooth())
    assert made.picture.size == (56, 80)
    assert np.array_equal(made.picture.rgb[:48, 16:], old)
    assert made.mask is not None
    white = made.mask.rgb[..., 0] == 255
    assert white[:, :16].all() and white[48:].all() and not white[:48, 16:].any()
    again = overpaint.rerun(made, model=shared())
    assert np.array_equal(made.picture.rgb, again.picture.rgb) and made.source is not None
    assert made.source.size == SIZE


def test_a_mask_of_the_old_picture_is_part_of_the_extended_one() -> None:
    made = edit(extend="top=16", mask=inside())
    assert made.mask is not None
    white = made.mask.rgb[..., 0] == 255
    assert white[:16].all() and np.array_equal(white[16:], inside())
    again = overpaint.rerun(made, model=shared())
    assert np.array_equal(made.picture.rgb, again.picture.rgb)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("left", "0 to 10000 pixels, not ''"),
        ("left=-3", "0 to 10000 pixels, not '-3'"),
        ("left=99999", "0 to 10000 pixels"),
        ("lft=3", "no side 'lft'; did you mean 'left'"),
        ("left=0", "by how many pixels"),
        (",", "by how many pixels"),
    ],
)
def test_what_is_no_extension_is_said(said: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        edit(extend=said)


def test_transparency_of_what_is_new_is_none() -> None:
    clear = Picture(np.zeros((4, 4, 3), np.uint8), np.full((4, 4), 7, np.uint8))
    larger = Extension(left=2, top=1).picture(clear)
    assert larger.size == (5, 6) and larger.alpha is not None
    assert (larger.alpha[1:, 2:] == 7).all() and (larger.alpha[0] == 255).all()


def test_a_mask_grows_by_squares_and_there_must_be_one() -> None:
    made = edit(mask_box="20,20,10,10", grow=3)
    assert made.mask is not None and (made.mask.rgb[..., 0] == 255).sum() == 16 * 16
    with pytest.raises(UsageError, match="no mask to grow"):
        edit(grow=2)
