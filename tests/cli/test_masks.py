"""Masks as people have them, through the command line: what is white in them changes, and nothing else."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.cli.kit import SOURCE, TARGET, Said, overpaint
from tests.images.kit import smooth
from tests.images.tiffs import BLACK_IS_ZERO, WHITE_IS_ZERO, Tiff

from overpaint.images import load_picture

INSIDE = np.zeros((48, 64), bool)
INSIDE[10:30, 10:40] = True


def edit(folder: Path, mask: Path, *more: str | Path) -> Said:
    smooth().save(mask.parent / "a.png")
    prompts = ("--source", SOURCE, "--target", TARGET, "--model", folder, "--steps", "1")
    out = ("-o", mask.parent / "out.png", "--overwrite")
    return overpaint("edit", mask.parent / "a.png", *prompts, "--mask", mask, *out, *more)


def changed(mask: Path) -> NDArray[np.bool_]:
    """Which pixels the edit changed."""
    return (load_picture(mask.parent / "out.png").rgb != np.asarray(smooth())).any(-1)


def palette(path: Path, colours: list[int], inside: int = 1) -> Path:
    image = Image.fromarray(INSIDE.astype(np.uint8) * np.uint8(inside)).convert("L")
    image = Image.frombytes("P", image.size, image.tobytes())
    image.putpalette(colours)
    image.save(path)
    return path


@pytest.mark.sample(8)
@pytest.mark.parametrize("photometric", [WHITE_IS_ZERO, BLACK_IS_ZERO])
@pytest.mark.parametrize(("bits", "kind"), [(1, "u"), (4, "u"), (12, "u"), (14, "u"), (16, "u"), (32, "f")])
@pytest.mark.parametrize("orientation", [None, 3])
def test_a_deep_mask_protects_the_side_it_says(
    folder: Path, tmp_path: Path, photometric: int, bits: int, kind: Any, orientation: int | None
) -> None:
    top = 1 if kind == "f" else 2**bits - 1
    numbers: NDArray[Any] = np.where(INSIDE == (photometric == BLACK_IS_ZERO), top, 0)
    stored = numbers[::-1, ::-1] if orientation == 3 else numbers
    mask = tmp_path / "mask.tif"
    mask.write_bytes(Tiff(bits, kind, photometric, orientation=orientation).written(stored))
    said = edit(folder, mask)
    assert said.code == 0, said.err
    assert not changed(mask)[~INSIDE].any() and changed(mask)[INSIDE].mean() > 0.5


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32])
def test_a_mask_of_zero_and_one_is_black_and_white_and_that_is_said(
    folder: Path, tmp_path: Path, kind: Any
) -> None:
    mask = tmp_path / "mask.tif"
    Image.fromarray(INSIDE.astype(kind)).save(mask)
    said = edit(folder, mask)
    assert said.code == 0 and "nothing but 0 and 1, so 1 was read as white" in said.err
    assert not changed(mask)[~INSIDE].any() and changed(mask)[INSIDE].mean() > 0.5
    mask.unlink()
    assert overpaint("rerun", tmp_path / "out.png", "--json").figures["same"] is True


def test_a_palette_of_greys_is_a_mask_and_one_of_colours_is_asked_about(folder: Path, tmp_path: Path) -> None:
    grey = palette(tmp_path / "grey.png", [0, 0, 0, 255, 255, 255])
    assert edit(folder, grey).code == 0 and not changed(grey)[~INSIDE].any()
    said = edit(folder, palette(tmp_path / "classes.png", [0, 0, 0, 128, 0, 0]))
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "made of a palette's colours, such as #800000" in said.err and "paint that white" in said.err


def test_a_mask_of_colours_says_how_much_takes_a_share(folder: Path, tmp_path: Path) -> None:
    red = np.zeros((48, 64, 3), np.uint8)
    red[INSIDE] = (255, 0, 0)
    Image.fromarray(red).save(tmp_path / "mask.png")
    said = edit(folder, tmp_path / "mask.png")
    assert said.code == 0 and "only the lightness counts: 20% of the picture takes a share" in said.err


def test_a_mask_of_numbers_near_black_says_how_light_it_is(folder: Path, tmp_path: Path) -> None:
    Image.fromarray(INSIDE.astype(np.uint8) * np.uint8(3)).save(tmp_path / "mask.png")
    said = edit(folder, tmp_path / "mask.png")
    assert said.code == 2 and "black everywhere (its lightest pixel is 3 of 255)" in said.err
