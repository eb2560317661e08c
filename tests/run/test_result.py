import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.kit import shared

from overpaint import measure
from overpaint.errors import UsageError
from overpaint.images import Picture, decode_picture, load_picture, pixels_hash
from overpaint.images.recipe import ModelRecord, Recipe, read_recipe
from overpaint.run.result import Edit, Figures


def made() -> Edit:
    picture = Picture(np.full((4, 6, 3), 7, np.uint8))
    recipe = Recipe(method="p2p", model=ModelRecord(name="tiny"))
    return Edit(picture, (torch.zeros(1, 4, 1, 1),), recipe, Figures(rows=3))


def test_saving_keeps_pixels_and_recipe(tmp_path: Path) -> None:
    edit = made()
    assert edit.save(tmp_path / "a.png") == tmp_path / "a.png"
    assert np.array_equal(load_picture(tmp_path / "a.png").rgb, edit.picture.rgb)
    assert read_recipe(tmp_path / "a.png").method == "p2p"
    assert edit.image.size == (6, 4)


def test_saving_overwrites_only_when_told_to(tmp_path: Path) -> None:
    edit = made()
    edit.save(str(tmp_path / "a.png"))
    with pytest.raises(UsageError, match="exists already"):
        edit.save(tmp_path / "a.png")
    edit.save(tmp_path / "a.png", overwrite=True)
    with pytest.raises(UsageError, match=r"\.png, \.jpg or \.webp"):
        edit.save(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".webp", ".PNG"])
def test_every_format_carries_the_recipe_and_the_pixels_as_they_were_made(
    tmp_path: Path, suffix: str
) -> None:
    edit = made()
    path = edit.save(tmp_path / f"a{suffix}")
    again = edit.save(tmp_path / f"a{suffix}", fresh_name=True)
    assert again.name == f"a-2{suffix}"
    assert again.read_bytes() == path.read_bytes()
    assert read_recipe(path).output == pixels_hash(edit.picture)


SOURCE = Picture(np.full((40, 60, 3), 20, np.uint8))


def edited() -> Edit:
    recipe = Recipe(
        method="p2p", model=ModelRecord(name="tiny"), request={"source": "a <b>cat</b>", "target": "a\ndog"}
    )
    result = Picture(np.full((40, 60, 3), 200, np.uint8))
    return Edit(
        result,
        (),
        recipe,
        Figures(rows=3, calls=2, quality="good", psnr=31.04),
        SOURCE,
        warnings=("Beware of <script>.",),
    )


def test_a_notebook_shows_source_and_edit_and_the_figures() -> None:
    shown: Any = edited()
    png: bytes = shown._repr_png_()
    height, width = decode_picture(png, "shown").size
    assert width > 2 * 1.5 * 256 and height > 256
    page: str = shown._repr_html_()
    assert base64.b64encode(png).decode() in page
    for words in (
        "3 rows in 2 network calls",
        "60 x 40 pixels",
        "good",
        "31.0 dB",
        "Beware of &lt;script&gt;.",
    ):
        assert words in page
    assert "<b>" not in page and "a &lt;b&gt;cat&lt;/b&gt;" in page


def test_a_notebook_page_stays_small() -> None:
    large = Picture(np.random.default_rng(0).integers(0, 256, (3000, 2000, 3), dtype=np.uint8))
    shown: Any = replace(edited(), picture=large, source=large)
    assert max(decode_picture(shown._repr_png_(), "shown").size) < 1000


def test_one_line_says_what_an_edit_is() -> None:
    said = "<Edit by p2p: 60 x 40 pixels, 3 rows in 2 network calls, 0.0 s>"
    assert repr(edited()) == said
    assert repr(edited().picture) == "<Picture 60 x 40>"
    alpha = np.zeros((40, 60), np.uint8)
    assert repr(replace(edited().picture, alpha=alpha)) == "<Picture 60 x 40, with transparency>"
    assert repr(shared()) == "<Model tiny-sd1: sd1 on cpu in float32>"
    shown: Any = made().picture
    assert len(repr(shown)) < 80 and decode_picture(shown._repr_png_(), "x").size == (4, 6)


def test_an_edit_is_compared_with_its_truth() -> None:
    same = edited()
    truth = same.picture.rgb.copy()
    truth[:, 30:] = 20
    found = same.compare(Picture(truth))
    whole = measure(
        SOURCE, same.picture, Picture(truth), source_prompt="a <b>cat</b>", target_prompt="a\ndog"
    )
    assert found == whole and found["psnr_inside"] == 100 and "direction" in found
    assert "psnr_whole" not in same.compare()
    region = np.zeros((40, 60), np.uint8)
    region[:, :30] = 255
    assert "psnr_outside" in same.compare(region=region)
    with pytest.raises(UsageError, match="no picture this one was made from"):
        made().compare()


def test_a_result_by_itself_has_a_recipe_of_its_own(tmp_path: Path) -> None:
    edit = made()
    others = tuple(Picture(np.full((4, 6, 3), level, np.uint8)) for level in (20, 30))
    latents = tuple(torch.full((1, 4, 1, 1), float(k)) for k in range(3))
    edit = replace(edit, others=others, latents=latents, scores={"distance": (0.1, 0.2, 0.3)})
    third = edit.one(3)
    assert [int(one.rgb[0, 0, 0]) for one in edit.every] == [7, 20, 30]
    assert [int(one.rgb[0, 0, 0]) for one in third.every] == [30]
    assert third.scores == {"distance": (0.3,)} and float(third.latent.mean()) == 2
    read = read_recipe(third.save(tmp_path / "third.png"))
    assert (read.result, read.output) == (3, pixels_hash(others[1]))
    with pytest.raises(UsageError, match="has 3 results, counted from 1; not 4"):
        edit.one(4)
