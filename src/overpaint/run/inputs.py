"""Pictures and prompts as callers hand them in, made ours; whatever is wrong with them is one sentence."""

from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any, cast
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from PIL import Image, TiffImagePlugin

from overpaint.errors import UsageError
from overpaint.images import Info, Limits, Mask, Picture, decode_picture, load_picture, mask_of
from overpaint.images.channels import PALETTES, channels
from overpaint.images.credit import credit_of
from overpaint.images.depth import Levels, Odd, eight
from overpaint.images.handed import BYTES, Bytes, Readable, content, named, place_of
from overpaint.images.reading import read_bytes, said_of, too_large, turned, within
from overpaint.images.recipe import Recipe, parse_recipe, read_recipe
from overpaint.images.runs import Runs, is_runs, mask_from_json, mask_from_runs
from overpaint.images.tiff import misread
from overpaint.run.given import Plain
from overpaint.run.markup import check_markup
from overpaint.run.result import Edit

Given = Plain | Edit
"""A picture as a caller may hand it in: as `Plain` says, or an edit, to go on from its result."""
CAPTION = "overpaint-caption"
"""The text chunk in which a drawn picture says what it shows."""


def taken_in(given: Any, limits: Limits | None = None) -> tuple[Picture, str | None]:
    """The picture, and where it lies if it is a file; ``limits`` hold for everything but pictures of ours.

    Raises:
        UsageError: a file that cannot be read, an array that is no picture, or something else altogether.
    """
    match given:
        case Picture():
            return given, None
        case Edit():
            return given.picture, None
        case Image.Image():
            return from_pillow(given, limits), None
        case np.ndarray():
            return from_array(cast("NDArray[Any]", given), limits), None
        case str() | FilePath():
            return load_picture(given, limits=limits), str(FilePath(given).absolute())
        case bytes() | bytearray() | memoryview():
            return decode_picture(bytes(cast(Bytes, given)), BYTES, limits=limits), None
        case Readable() if not isinstance(given, type):
            data = content(given, limits or Limits())
            return decode_picture(data, named(given), limits=limits), place_of(given)
        case _:
            raise UsageError(
                "A picture is a file's name, an open file, its bytes, an image of Pillow, an array, an edit "
                f"or a Picture, not {type(given).__name__}."
            )


def mask_in(given: Given | Runs, picture: Picture, feather: int = 0, limits: Limits | None = None) -> Mask:
    """The mask of a picture: white where it may change.

    Raises:
        UsageError: it cannot be read, has another size than the picture, or lets nothing change.
    """
    mask, place = masked(given, picture.size, limits)
    return mask_of(mask, picture.size, feather, place)


def masked(given: Given | Runs, size: tuple[int, int], limits: Limits | None) -> tuple[Picture, str | None]:
    """A mask as a picture, and where it lies if it is a file; runs say how large they are, or ``size`` does.

    Raises:
        UsageError: it cannot be read.
    """
    return runs_in(given, size, limits) or taken_in(given, limits)


def runs_in(
    given: Given | Runs, size: tuple[int, int], limits: Limits | None
) -> tuple[Picture, str | None] | None:
    """A mask that is written as runs in JSON, and where it lies; nothing for a picture.

    Raises:
        UsageError: it looks like one and is none.
    """
    match given:
        case dict() | list():
            return mask_from_runs(cast(object, given), size), None
        case bytes() if is_runs(given):
            return mask_from_json(given, size, "The mask"), None
        case str() | FilePath():
            with said_of(FilePath(given)):
                start = read_bytes(FilePath(given), limits or Limits())
            if not is_runs(start):
                return None
            return mask_from_json(start, size, f"The mask {given}"), str(FilePath(given).absolute())
        case _:
            return None


def from_pillow(image: Image.Image, limits: Limits | None = None) -> Picture:
    """An image of Pillow: upright, transparency apart, with its texts, its profile and its credit."""
    check_pixels("The image", image.width * image.height, limits)
    if isinstance(image, TiffImagePlugin.TiffImageFile) and misread(image.tag_v2):
        raise UsageError(
            "The image is a TIFF of which Pillow gives other numbers than it holds; give the file's name."
        )
    try:
        with within(Limits(pixels=max(1, image.width * image.height))):
            found = channels(turned(image))
    except Odd as error:
        raise UsageError(f"The image {error}") from None
    except Exception as error:  # an image that was opened but not read may be damaged
        raise UsageError(f"The image cannot be read ({error}); save or load it again.") from None
    text = {str(key): value for key, value in image.info.items() if isinstance(value, str)}
    notes = tuple(f"Of the image: {note}." for note in found.notes)
    return Picture(
        found.rgb, found.alpha, Info("", text, found.icc, credit_of(image), notes, image.mode in PALETTES)
    )


def check_pixels(name: str, pixels: int, limits: Limits | None) -> None:
    """Refuse what has more pixels than a file may have.

    Raises:
        UsageError: it has.
    """
    limits = limits or Limits()
    if pixels > limits.pixels:
        raise too_large(name, limits)


def from_array(array: NDArray[Any], limits: Limits | None = None) -> Picture:
    """An array, height by width by three or four channels (grey may leave the channels out).

    It holds bytes, or yes and no, or numbers of other kinds as files of their depth do: integers over their
    whole range, floating-point numbers from 0 to 1.
    """
    if (
        array.dtype.kind not in "buif"
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] not in (3, 4))
    ):
        raise UsageError(
            "An array is a picture if it holds uint8 values of shape (height, width, 3 or 4), not "
            f"{array.dtype} of shape {array.shape}."
        )
    if not array.size:
        raise UsageError("The array holds no pixels; give a picture.")
    check_pixels("The array", array.shape[0] * array.shape[1], limits)
    try:
        levels, note = levels_of(array)
    except Odd as error:
        raise UsageError(f"The array {error}") from None
    made = from_pillow(Image.fromarray(np.ascontiguousarray(levels)), limits)
    return made if note is None else replace(made, info=replace(made.info, notes=(f"Of the array: {note}.",)))


def levels_of(array: NDArray[Any]) -> tuple[Levels, str | None]:
    """The numbers of an array as eight bits, and a note where their range was guessed."""
    if array.dtype == np.uint8:
        return array, None
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255), None
    return eight(array, array.dtype.itemsize * 8)


def recipe_of(picture: Picture) -> Recipe | None:
    """The recipe a picture carries, if it can be read; its pixels may have changed since."""
    try:
        return parse_recipe(picture, "The picture")
    except UsageError:
        return None


def recipe_in(given: Given | Recipe, limits: Limits | None = None) -> Recipe:
    """The recipe in whatever carries one.

    Raises:
        UsageError: it carries none, or none that can be read.
    """
    match given:
        case Recipe():
            return given
        case Edit():
            return given.recipe
        case str() | FilePath():
            return read_recipe(given, limits=limits)
        case _:
            return parse_recipe(taken_in(given, limits)[0], "The picture")


def shows(picture: Picture) -> str:
    """What a picture says it shows: the prompt it was made from, its caption, or nothing."""
    recipe = recipe_of(picture)
    if recipe is not None and recipe.command in ("generate", "edit"):
        return recipe.target
    return picture.info.text.get(CAPTION, "")


def checked_text(prompt: str, what: str) -> str:
    """The prompt, if it is text at all."""
    try:
        prompt.encode()
    except UnicodeEncodeError:
        raise UsageError(f"The {what} prompt holds bytes that are no text; write it in UTF-8.") from None
    strange = next((c for c in prompt if category(c) == "Cc" and not c.isspace()), None)
    if strange is not None:
        raise UsageError(f"The {what} prompt holds control characters, such as {strange!r}; leave them out.")
    check_markup(prompt, what)
    return prompt
