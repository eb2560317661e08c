"""Pictures and prompts as callers hand them in, made ours; whatever is wrong with them is one sentence."""

from pathlib import Path as FilePath
from unicodedata import category

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from overpaint.errors import UsageError
from overpaint.images import Info, Picture, load_picture
from overpaint.images.reading import channels, turned
from overpaint.recipe import Recipe, parse_recipe

Given = str | FilePath | Image.Image | NDArray[np.uint8] | Picture
"""A picture as a caller may hand it in: a file, an image of Pillow, an array or one of ours."""
CAPTION = "overpaint-caption"
"""The text chunk in which a drawn picture says what it shows."""


def taken_in(given: Given) -> tuple[Picture, str | None]:
    """The picture, and where it lies if it is a file.

    Raises:
        UsageError: a file that cannot be read, or an array that is no picture.
    """
    match given:
        case Picture():
            return given, None
        case Image.Image():
            return from_pillow(given), None
        case np.ndarray():
            return from_array(given), None
        case _:
            return load_picture(given), str(FilePath(given).absolute())


def from_pillow(image: Image.Image) -> Picture:
    """An image of Pillow: upright, transparency apart, with its text chunks."""
    rgb, alpha = channels(turned(image))
    text = {str(key): value for key, value in image.info.items() if isinstance(value, str)}
    return Picture(rgb, alpha, Info(text=text))


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
