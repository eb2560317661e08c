"""Pictures in whatever form a program has them: the same pixels, the same recipe, the same limits."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared
from tests.test_api import smooth

from overpaint.api import cite, edit, generate, invert, rerun
from overpaint.errors import UsageError
from overpaint.images import Limits, load_picture
from overpaint.run.inputs import taken_in
from overpaint.run.result import Edit


@pytest.fixture(scope="module")
def made() -> Edit:
    return generate(SOURCE, model=shared(), seed=5, steps=3, guidance=3.0)


@pytest.fixture(scope="module")
def file(made: Edit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.save(tmp_path_factory.mktemp("made") / "cat.png")


def upload(data: bytes) -> Any:
    """Something that can only be read on, as a web server hands it over."""
    return io.BufferedReader(Stream(data))


class Stream(io.RawIOBase):
    def __init__(self, data: bytes) -> None:
        self.rest = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        count = min(len(buffer), len(self.rest))
        buffer[:count], self.rest = self.rest[:count], self.rest[count:]
        return count


FORMS: dict[str, Callable[[Path], Any]] = {
    "a path": lambda file: file,
    "a name": str,
    "bytes": Path.read_bytes,
    "a bytearray": lambda file: bytearray(file.read_bytes()),
    "a memoryview": lambda file: memoryview(file.read_bytes()),
    "a file in memory": lambda file: io.BytesIO(file.read_bytes()),
    "an upload": lambda file: upload(file.read_bytes()),
    "an image of Pillow": lambda file: Image.open(io.BytesIO(file.read_bytes())),
    "a picture": load_picture,
}


@pytest.mark.sample(3)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_goes_on_from_the_noise_of_a_generated_picture(form: str, file: Path, made: Edit) -> None:
    result = edit(FORMS[form](file), target=TARGET, model=shared())
    assert result.figures.quality == "exact" and result.recipe.options["steps"] == 3
    assert result.recipe.request["source"] == SOURCE
    assert result.recipe.output == edit(made, target=TARGET, model=shared()).recipe.output


def test_an_edit_and_what_it_holds_go_on_without_a_file(made: Edit, file: Path) -> None:
    wanted = edit(file, target=TARGET, model=shared())
    for given in (made, made.picture, made.image):
        result = edit(given, target=TARGET, model=shared())
        assert result.figures.quality == "exact" and result.recipe == wanted.recipe
    onwards = edit(wanted, target="a photo of a bird", model=shared(), steps=1)
    assert onwards.recipe.request["source"] == TARGET
    saved = wanted.save(file.with_name("dog.png"))
    again = edit(saved, target="a photo of a bird", model=shared(), steps=1)
    assert onwards.recipe.output == again.recipe.output


def test_an_image_that_was_painted_on_is_inverted_and_that_is_said(made: Edit) -> None:
    image = made.image
    image.putpixel((3, 3), (255, 0, 0))
    result = edit(image, target=TARGET, model=shared(), steps=3)
    assert any("is inverted" in one for one in result.warnings) and result.figures.quality != "exact"


def test_recipes_are_found_in_every_form(made: Edit, file: Path) -> None:
    for given in (file, file.read_bytes(), io.BytesIO(file.read_bytes()), made, made.picture, made.recipe):
        assert cite(given) == cite(file)
    for given in (made, file.read_bytes()):
        assert rerun(given, model=shared()).recipe == made.recipe
    with pytest.raises(UsageError, match="carries no recipe"):
        cite(smooth())


def test_masks_and_inversions_take_them_too(file: Path) -> None:
    white = io.BytesIO()
    Image.new("L", (32, 32), 255).save(white, "PNG")
    whole = edit(file, target=TARGET, model=shared(), steps=1)
    masked = edit(file, target=TARGET, model=shared(), steps=1, mask=white.getvalue())
    assert np.array_equal(whole.picture.rgb, masked.picture.rgb) and masked.recipe.mask is not None
    assert invert(file.read_bytes(), model=shared(), steps=1).figures.psnr is not None


def test_an_open_file_is_left_where_it_was_and_found_again_by_its_name(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3), dtype=np.uint8)
    place = tmp_path / "large.png"
    Image.fromarray(noise).save(place)
    with place.open("rb") as opened:
        first, second = (
            edit(opened, source=SOURCE, target=TARGET, model=shared(), steps=1) for _ in range(2)
        )
        assert opened.tell() == 0
    assert first.recipe == second.recipe
    assert first.recipe.source is not None and first.recipe.source.path == str(place)
    assert rerun(first, model=shared()).recipe.output == first.recipe.output


LARGE: dict[str, Callable[[Path], Any]] = {**FORMS, "an array": lambda file: load_picture(file).rgb}


@pytest.mark.parametrize("form", [name for name in LARGE if name != "a picture"])
def test_limits_hold_in_every_form(form: str, file: Path) -> None:
    with pytest.raises(UsageError, match=r"million pixels.*limits in Python"):
        edit(LARGE[form](file), target=TARGET, model=shared(), limits=Limits(pixels=1000))


@pytest.mark.parametrize("form", ["a path", "bytes", "a file in memory", "an upload"])
def test_so_does_that_of_bytes(form: str, file: Path) -> None:
    with pytest.raises(UsageError, match="larger than"):
        edit(FORMS[form](file), target=TARGET, model=shared(), limits=Limits(bytes=100))


def closed() -> io.BytesIO:
    file = io.BytesIO(b"abc")
    file.close()
    return file


def at_its_end() -> io.BytesIO:
    file = io.BytesIO(b"abc")
    file.read()
    return file


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "given as bytes is empty"),
        (b"abc", "given as bytes is not a picture"),
        (io.BytesIO(b"<html>"), "The open file is not a picture"),
        (io.BytesIO(), "nothing left to read"),
        (io.StringIO("abc"), "gives str instead of bytes; open it with the mode 'rb'"),
        (closed(), "cannot be read"),
        (at_its_end(), "seek(0)"),
        (io.BytesIO, "not type"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(UsageError) as error:
        taken_in(given)
    assert sentence in str(error.value) and "\n" not in str(error.value)
