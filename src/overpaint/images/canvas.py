"""Rectangles on a picture, one that may change and one around a mask; and pictures made larger."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from overpaint.errors import UsageError
from overpaint.images.fitting import Placement
from overpaint.images.masking import Weights
from overpaint.images.picture import Picture
from overpaint.near import nearest

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


SIDES = ("left", "top", "right", "bottom")
MOST = 10_000
"""Pixels by which a side may be extended."""


@dataclass(frozen=True)
class Extension:
    """Pixels that are added to each side of a picture."""

    left: int = 0
    top: int = 0
    right: int = 0
    bottom: int = 0

    @staticmethod
    def said(text: str) -> "Extension":
        """As ``"left=64,top=0"``.

        Raises:
            UsageError: it is none, or adds nothing.
        """
        found: dict[str, int] = {}
        for part in filter(None, (one.strip() for one in text.split(","))):
            side, _, amount = (one.strip() for one in part.partition("="))
            if side not in SIDES:
                raise UsageError(f"A picture has no side {side!r}; {nearest(side, SIDES)}")
            if not amount.isascii() or not amount.isdigit() or int(amount) > MOST:
                raise UsageError(
                    f"The {side} side can be extended by 0 to {MOST} pixels, not {amount[:20]!r}; write "
                    f"{side}=64."
                )
            found[side] = int(amount)
        if not any(found.values()):
            raise UsageError("Say by how many pixels to extend the picture, such as left=64,top=0.")
        return Extension(**found)

    def of(self, size: tuple[int, int]) -> Placement:
        """Where a picture of that height and width lies in the larger one."""
        return Placement(self.top, self.left, *size)

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the larger one."""
        return size[0] + self.top + self.bottom, size[1] + self.left + self.right

    def picture(self, given: Picture) -> Picture:
        """The larger picture: the edge repeated outwards, opaque where it is new."""
        around = ((self.top, self.bottom), (self.left, self.right))
        rgb = np.pad(given.rgb, (*around, (0, 0)), "edge")
        alpha = None if given.alpha is None else np.pad(given.alpha, around, constant_values=255)
        return replace(given, rgb=rgb, alpha=alpha)

    def mask(self, size: tuple[int, int], inside: Weights | None = None) -> Picture:
        """What of the larger picture may change: all that is new, and what a mask of the old one lets."""
        black = np.zeros(size, np.uint8) if inside is None else inside
        around = ((self.top, self.bottom), (self.left, self.right))
        return Picture(np.pad(black, around, constant_values=255)[..., None].repeat(3, 2))
