"""``inpaint``, ``outpaint`` and ``remove`` from the command line."""

from pathlib import Path

import numpy as np
import pytest
from tests.cli.kit import SOURCE, TARGET, Said, overpaint
from tests.images.kit import smooth

from overpaint.images import load_picture
from overpaint.images.recipe import read_recipe


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    smooth().save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def call(command: str, photo: Path, folder: Path, *more: str | Path) -> Said:
    return overpaint(command, photo, "--model", folder, "--steps", "2", "--no-look", *more)


def test_inpaint_paints_inside_and_says_where_it_did(photo: Path, folder: Path, tmp_path: Path) -> None:
    words = ("--target", TARGET, "--source", SOURCE, "--mask-words", "cat", "--mask-out", tmp_path / "m.png")
    said = call("inpaint", photo, folder, *words, "--json")
    assert said.code == 0, said.err
    out = photo.with_name("photo-inpainted.png")
    assert said.figures["output"] == str(out) and said.figures["method"] == "inpaint"
    assert said.figures["figures"]["look_rows"] == 20
    outside = load_picture(tmp_path / "m.png").rgb[..., 0] == 0
    assert np.array_equal(load_picture(out).rgb[outside], np.asarray(smooth())[outside])


def test_a_search_is_announced(photo: Path, folder: Path) -> None:
    words = ("--target", TARGET, "--source", SOURCE, "--mask-diff", "--dry-run")
    assert "and 20 to look at the picture first" in call("inpaint", photo, folder, *words).out


def test_outpaint_extends_the_sides_that_are_named(photo: Path, folder: Path) -> None:
    said = call("outpaint", photo, folder, "--extend", "left=8,bottom=4", "--target", TARGET)
    assert said.code == 0, said.err
    made = load_picture(photo.with_name("photo-outpainted.png"))
    assert made.size == (52, 72) and np.array_equal(made.rgb[:48, 8:], np.asarray(smooth()))


def test_remove_finds_the_thing_and_asks_for_what_is_left(photo: Path, folder: Path) -> None:
    said = call("remove", photo, folder, "dog", "--source", "a cat and a dog on grass")
    assert said.code == 0, said.err
    told = read_recipe(photo.with_name("photo-removed.png"))
    assert told.request["target"] == "a cat on grass" and told.request["grow"] == 4 and told.mask is not None


@pytest.mark.parametrize(
    ("command", "more", "words"),
    [
        ("inpaint", ("--target", TARGET), "Say where the picture may change: --mask FILE"),
        ("outpaint", ("--target", TARGET), "--extend left=64,top=0"),
        ("outpaint", ("--extend", "left=8"), "does not say what it shows"),
        ("outpaint", ("--extend", "up=8", "--target", TARGET), "no side 'up'"),
        ("remove", (), "Name what to remove"),
        ("remove", ("cat",), "Say what the picture shows by the source prompt"),
        ("remove", ("--target", TARGET), "Say where the picture may change"),
    ],
)
def test_what_is_missing_is_said(
    photo: Path, folder: Path, command: str, more: tuple[str, ...], words: str
) -> None:
    said = call(command, photo, folder, *more)
    assert said.code == 2 and words in said.err
    assert not list(photo.parent.glob("photo-*.png"))
