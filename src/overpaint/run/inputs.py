"""Pictures and prompts as callers hand them in, made ours; whatever is wrong with them is one sentence."""

from pathlib import Path as FilePath
from typing import Any, cast
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from overpaint.errors import UsageError
from overpaint.images import Info, Limits, Mask, Picture, load_picture, mask_of
from overpaint.images.channels import Odd, channels
from overpaint.images.metadata import credit_of
from overpaint.images.reading import turned, within
from overpaint.images.recipe import Recipe, parse_recipe

Given = str | FilePath | Image.Image | NDArray[np.uint8] | Picture
"""A picture as a caller may hand it in: a file, an image of Pillow, an array or one of ours."""
CAPTION = "overpaint-caption"
"""The text chunk in which a drawn picture says what it shows."""


def taken_in(given: Any, limits: Limits | None = None) -> tuple[Picture, str | None]:
    """The picture, and where it lies if it is a file; ``limits`` hold for files.

    Raises:
        UsageError: a file that cannot be read, an array that is no picture, or something else altogether.
    """
    match given:
        case Picture():
            return given, None
        case Image.Image():
            return from_pillow(given), None
        case np.ndarray():
            return from_array(cast("NDArray[np.uint8]", given)), None
        case str() | FilePath():
            return load_picture(given, limits=limits), str(FilePath(given).absolute())
        case _:
            raise UsageError(
                "A picture is a file's name, an image of Pillow, an array of bytes or a Picture, not "
                f"{type(given).__name__}."
            )


def mask_in(given: Given, picture: Picture, feather: int = 0, limits: Limits | None = None) -> Mask:
    """The mask of a picture: white where it may change.

    Raises:
        UsageError: it cannot be read, has another size than the picture, or lets nothing change.
    """
    mask, place = taken_in(given, limits)
    return mask_of(mask, picture.size, feather, place)


def from_pillow(image: Image.Image) -> Picture:
    """An image of Pillow: upright, transparency apart, with its texts, its profile and its credit."""
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
        found.rgb, found.alpha, Info(text=text, icc=found.icc, credit=credit_of(image), notes=notes)
    )


def from_array(array: NDArray[np.uint8]) -> Picture:
    """An array of bytes, height by width by three or four channels (grey may leave the channels out)."""
    if (
        array.dtype != np.uint8
        or array.ndim not in (2, 3)
        or (array.ndim == 3 and array.shape[2] not in (3, 4))
    ):
        raise UsageError(
            "An array is a picture if it holds uint8 values of shape (height, width, 3 or 4), not "
            f"{array.dtype} of shape {array.shape}."
        )
    if not array.size:
        raise UsageError("The array holds no pixels; give a picture.")
    return from_pillow(Image.fromarray(np.ascontiguousarray(array)))


def recipe_of(picture: Picture) -> Recipe | None:
    """The recipe a picture carries, if it can be read; its pixels may have changed since."""
    try:
        return parse_recipe(picture, "The picture")
    except UsageError:
        return None


def shows(picture: Picture) -> str:
    """What a picture says it shows: the prompt it was made from, its caption, or nothing."""
    recipe = recipe_of(picture)
    if recipe is not None and recipe.command in ("generate", "edit"):
        return str(recipe.request.get("target", ""))
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
    return prompt
