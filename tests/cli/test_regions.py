"""``overpaint regions`` and ``overpaint edit --map``."""

from pathlib import Path

import numpy as np
import pytest
from tests.cli.kit import SOURCE, overpaint
from tests.sides.test_segmenter import PALETTE, kept, small

from overpaint.cli.regions import pair
from overpaint.errors import UsageError
from overpaint.images import load_picture, save_picture
from overpaint.run.regions import Regions, regions_in
from overpaint.sides.segmenter import FOLDER


@pytest.fixture(scope="module")
def reading(folder: Path) -> Path:
    """The tiny model with a segmenter beside it."""
    if not (folder / FOLDER).is_dir():
        kept(folder / FOLDER, small())
    return folder


def test_a_map_is_written_changed_and_masked(picture: Path, reading: Path) -> None:
    out, changed, mask = (picture.with_name(name) for name in ("map.png", "changed.png", "mask.png"))
    said = overpaint("regions", picture, "--model", reading, "-o", out)
    assert said.code == 0 and "read by the segmenter" in said.out
    assert "ball" in regions_in(load_picture(out)).palette.names
    places = np.zeros(load_picture(picture).size, np.uint8)
    places[8:16, 8:16] = 2
    drawn = Regions(PALETTE, places).picture
    save_picture(drawn, out, drawn.info.text, overwrite=True)
    told = ("--from", out, "--move", "ball", "8,0", "--mask-of", "ball", mask, "-o", changed, "--json")
    again = overpaint("regions", picture, "--model", reading, *told)
    assert again.code == 0 and set(again.figures["files"]) == {"map", "mask of ball"}
    assert again.figures["shares"] == {"sky": 1 - 64 / places.size, "ball": 64 / places.size}
    white = load_picture(mask).rgb[..., 0] > 0
    assert white[8:16, 16:24].all() and white.sum() == 64


def test_words_tell_where_there_is_no_segmenter(picture: Path, folder: Path) -> None:
    out = picture.with_name("map.png")
    said = overpaint(
        "regions", picture, "--model", folder, "--source", SOURCE, "--words", "photo, cat", "-o", out
    )
    assert said.code == 0 and "by the attention of words" in said.out
    assert set(regions_in(load_picture(out)).names) <= {"photo", "cat"}


def test_what_cannot_be_is_said(picture: Path, reading: Path) -> None:
    model = ("--model", reading, "-o", picture.with_name("map.png"))
    both = overpaint("regions", picture, *model, "--from", picture, "--words", "a,b")
    assert both.code == 2 and "give one of them" in both.err
    odd = overpaint("regions", picture, *model, "--relabel", "ball")
    assert odd.code == 2 and "OLD=NEW" in odd.err
    gone = overpaint("regions", picture, *model, "--from", picture.with_name("none.png"))
    assert gone.code == 2 and "There is no file" in gone.err
    with pytest.raises(UsageError, match="dx,dy in whole pixels"):
        pair("1.5,2")
    assert pair("-3, 4") == (-3, 4)


def test_an_edit_by_a_map_needs_the_side_network_of_its_model(picture: Path, reading: Path) -> None:
    out = picture.with_name("map.png")
    assert overpaint("regions", picture, "--model", reading, "-o", out).code == 0
    said = overpaint("edit", picture, "--map", out, "--target", "a dog", "--model", reading)
    assert said.code == 2 and "segmentation" in said.err
