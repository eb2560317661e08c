"""Rectangles on a picture: one that may change, and one around a mask."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np

from overpaint.errors import UsageError
from overpaint.images.fitting import Placement
from overpaint.images.masking import Weights
from overpaint.images.picture import Picture

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


def box_in(said: object) -> Box:
    """A rectangle, as four numbers or as ``"x,y,w,h"``.

    Raises:
        UsageError: it is none.
    """
    parts: Sequence[Any] = said.split(",") if isinstance(said, str) else cast("Sequence[Any]", said)
    try:
        left, top, width, height = (int(one) for one in parts)
    except (TypeError, ValueError):
        raise UsageError(f"A box is x,y,w,h in whole pixels, such as 10,20,64,64, not {said!r}.") from None
    if width < 1 or height < 1:
        raise UsageError(f"The box {left},{top},{width},{height} has no area; give x,y,w,h in pixels.")
    return left, top, width, height


def box_mask(box: Box, size: tuple[int, int]) -> tuple[Picture, tuple[str, ...]]:
    """White in the box, black around it, and what is to be said of a box that leaves the picture.

    Raises:
        UsageError: it lies outside altogether.
    """
    left, top, width, height = box
    rows, columns = slice(max(0, top), max(0, top + height)), slice(max(0, left), max(0, left + width))
    white = np.zeros((*size, 3), np.uint8)
    white[rows, columns] = 255
    shown = ",".join(map(str, box))
    if not white.any():
        raise UsageError(f"The box {shown} lies outside the picture, which has {size[1]} x {size[0]} pixels.")
    inside = int((white[..., 0] > 0).sum())
    cut = (
        (f"The box {shown} leaves the picture and was cut at its border.",) if inside < width * height else ()
    )
    return Picture(white), cut


def around(weights: Weights, margin: int) -> Placement:
    """The part of a picture that holds all of a mask, and so many pixels around it if there are."""
    rows, columns = (np.flatnonzero((weights > 0).any(axis)) for axis in (1, 0))
    top, left = (max(0, int(line[0]) - margin) for line in (rows, columns))
    bottom, right = (
        min(length, int(line[-1]) + 1 + margin)
        for line, length in zip((rows, columns), weights.shape, strict=True)
    )
    return Placement(top, left, bottom - top, right - left)
