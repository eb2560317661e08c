from pathlib import Path

import numpy as np
import pytest
import torch

from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture, pixels_hash
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
