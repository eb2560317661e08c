from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.images.tiffs import WHITE_IS_ZERO, Tiff

from overpaint.errors import UsageError
from overpaint.images import Info, Picture, save_picture
from overpaint.images.recipe import KEY, ModelRecord, Recipe
from overpaint.run.inputs import CAPTION, checked_text, mask_in, recipe_of, shows, taken_in

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


@pytest.mark.parametrize("given", [{"a": 1}, [1, 2], 5, None])
def test_what_is_no_picture_at_all_is_said(given: Any) -> None:
    with pytest.raises(UsageError, match=f"or a Picture, not {type(given).__name__}"):
        taken_in(given)


def test_arrays_of_other_numbers_are_read_as_files_of_them_are() -> None:
    light = PIXELS[..., 0]
    for given in (light, light.astype(np.uint16) * 257, light / np.float32(255), light.astype(np.int64)):
        assert np.array_equal(taken_in(given)[0].rgb[..., 0], light)
    assert taken_in(light > 30)[0].rgb[..., 0].tolist() == ((light > 30) * 255).tolist()
    assert "255 was taken" in taken_in(light.astype(np.int64))[0].info.notes[0]
    with pytest.raises(UsageError, match=r"The array holds numbers from -1 to 1, whose range is not"):
        taken_in(np.array([[-1.0, 1.0]]))
    with pytest.raises(UsageError, match="uint8 values"):
        taken_in(np.array([["a", "b"]]))


def test_a_mask_of_yes_and_no() -> None:
    yes = np.eye(6, dtype=bool)[:4]
    assert np.array_equal(mask_in(yes, Picture(PIXELS)).weights == 255, yes)
    ones = mask_in(yes.astype(np.uint8), Picture(PIXELS))
    assert np.array_equal(ones.weights == 255, yes) and "read as white" in ones.notes[0]


def test_an_open_tiff_that_pillow_misreads_is_refused_and_others_are_taken(tmp_path: Path) -> None:
    numbers = np.array([[0, 257, 65535]])
    (tmp_path / "a.tif").write_bytes(Tiff(16, photometric=WHITE_IS_ZERO).written(numbers))
    with Image.open(tmp_path / "a.tif") as image, pytest.raises(UsageError, match="give the file's name"):
        taken_in(image)
    (tmp_path / "a.tif").write_bytes(Tiff(16).written(numbers))
    with Image.open(tmp_path / "a.tif") as image:
        assert taken_in(image)[0].rgb[0, :, 0].tolist() == [0, 1, 255]
