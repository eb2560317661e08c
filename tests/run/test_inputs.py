from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from overpaint.errors import UsageError
from overpaint.images import Info, Picture, save_picture
from overpaint.images.recipe import KEY, ModelRecord, Recipe
from overpaint.run.inputs import CAPTION, checked_text, recipe_of, shows, taken_in

PIXELS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def with_text(**text: str) -> Picture:
    return Picture(PIXELS, None, Info(text=text))


def test_a_file_an_image_an_array_and_a_picture_give_the_same_pixels(tmp_path: Path) -> None:
    path = save_picture(Picture(PIXELS), tmp_path / "a.png")
    for given in (path, str(path), Image.fromarray(PIXELS), PIXELS, Picture(PIXELS)):
        picture, place = taken_in(given)
        assert np.array_equal(picture.rgb, PIXELS)
        assert (place == str(path)) == isinstance(given, str | Path)


def test_grey_and_transparent_arrays() -> None:
    grey, _ = taken_in(PIXELS[..., 0])
    assert np.array_equal(grey.rgb, np.repeat(PIXELS[..., :1], 3, 2))
    clear, _ = taken_in(np.concatenate([PIXELS, PIXELS[..., :1]], -1))
    assert clear.alpha is not None
    assert np.array_equal(clear.alpha, PIXELS[..., 0])


@pytest.mark.parametrize("shape", [(4,), (4, 6, 2), (4, 6, 3, 1), (0, 6, 3)])
def test_an_array_that_is_no_picture_is_one_sentence(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=r"array .*\.$"):
        taken_in(np.zeros(shape, np.uint8))


def test_a_picture_may_say_what_it_shows() -> None:
    generated = Recipe(
        command="generate", method="generate", request={"target": "a cat"}, model=ModelRecord(name="m")
    )
    assert shows(with_text(**{KEY: generated.model_dump_json()})) == "a cat"
    assert shows(with_text(**{CAPTION: "a dog"})) == "a dog"
    assert shows(with_text()) == ""
    assert shows(with_text(**{KEY: "nonsense"})) == ""
    assert recipe_of(with_text(**{KEY: "nonsense"})) is None


def test_a_prompt_of_broken_bytes_is_refused() -> None:
    assert checked_text("ein grüner Ball 苺", "source") == "ein grüner Ball 苺"
    with pytest.raises(UsageError, match="source prompt holds bytes that are no text"):
        checked_text("a \udcff cat", "source")


@pytest.mark.parametrize("given", [b"abc", [1, 2], 5, None])
def test_what_is_no_picture_at_all_is_said(given: Any) -> None:
    with pytest.raises(UsageError, match=f"or a Picture, not {type(given).__name__}"):
        taken_in(given)
