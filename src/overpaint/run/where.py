"""Where a picture may change: as somebody says, where it is new, or where the model is to look for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overpaint.errors import UsageError
from overpaint.images import Limits, Mask, Picture, mask_of
from overpaint.images.canvas import Extension, box_in, box_mask
from overpaint.images.runs import Runs
from overpaint.run.inputs import Given, checked_text, masked
from overpaint.task import Request


@dataclass(frozen=True)
class Seek:
    """What tells the model where a picture may change."""

    words: tuple[str, ...] = ()
    """Words whose place it is."""
    contrast: bool = False
    """Wherever the two prompts disagree about the picture."""


@dataclass(frozen=True)
class Where:
    """All that can be said of it; of these one at most is."""

    mask: Given | Runs | None = None
    box: str | Sequence[int] | None = None
    words: str | Sequence[str] | None = None
    contrast: bool = False

    @property
    def said(self) -> list[str]:
        """Which of them are said, as one calls them."""
        every = {"mask": self.mask, "box": self.box, "search for words": self.words}
        named = [name for name, one in every.items() if one is not None]
        return [*named, *(["contrast of the prompts"] if self.contrast else [])]

    @property
    def seek(self) -> Seek | None:
        """What the model is to look for; nothing where it is known.

        Raises:
            UsageError: the words are none.
        """
        if self.words is None:
            return Seek(contrast=True) if self.contrast else None
        listed = self.words.split(",") if isinstance(self.words, str) else list(self.words)
        words = tuple(checked_text(one.strip(), "mask's") for one in listed if one.strip())
        if not words:
            raise UsageError("Name the words whose place may change, such as ball.")
        return Seek(words)


def where_of(
    where: Where, picture: Picture | None, asked: Request, limits: Limits | None = None
) -> Mask | None:
    """Where a picture may change; nothing for everywhere, or everywhere where it is yet to be found.

    Raises:
        UsageError: several things say so, there is no picture, or no mask that pixels could be shown around.
    """
    if len(where.said) > 1:
        one, other, *_ = where.said
        raise UsageError(f"A {one} and a {other} both say where the picture may change; give one of them.")
    if not where.said and not asked.extend:
        check_alone(asked)
        return None
    if picture is None:
        raise UsageError("A mask says where a picture may change; give the picture too.")
    if where.seek is not None:
        if asked.extend:
            raise UsageError("A picture that is extended may change where it is new; leave out the search.")
        return mask_of(Picture(np.full((*picture.size, 3), 255, np.uint8)), picture.size)
    if not asked.extend:
        return told(where, picture.size, asked, limits)
    return beyond(where, picture.size, asked, limits)


def check_alone(asked: Request) -> None:
    """Refuse what is said of a mask where there is none.

    Raises:
        UsageError: something is.
    """
    if asked.context is not None:
        raise UsageError("The context is what lies around a mask; give one, or leave the context out.")
    if asked.grow:
        raise UsageError("There is no mask to grow; give one, or leave grow out.")


def told(where: Where, size: tuple[int, int], asked: Request, limits: Limits | None) -> Mask | None:
    """What a mask or a box says."""
    if where.mask is not None:
        picture, place = masked(where.mask, size, limits)
        return mask_of(picture, size, asked.feather, place, asked.grow)
    if where.box is None:
        return None
    drawn, notes = box_mask(box_in(where.box), size)
    found = mask_of(drawn, size, asked.feather, None, asked.grow)
    return replace(found, notes=(*found.notes, *notes))


def beyond(where: Where, size: tuple[int, int], asked: Request, limits: Limits | None) -> Mask:
    """All that is new of a picture that is extended, and what a mask or a box lets change of the old."""
    larger = Extension.said(asked.extend)
    whole = larger.size(size)
    if where.mask is not None:
        picture, place = masked(where.mask, size, limits)
        if picture.size == whole:  # as a recipe has it
            return mask_of(picture, whole, asked.feather, place, asked.grow)
    bare = asked.model_copy(update={"feather": 0, "grow": 0})
    inside = told(where, size, bare, limits)
    drawn = larger.mask(size, None if inside is None else inside.weights)
    made = mask_of(drawn, whole, asked.feather, None, asked.grow)
    return made if inside is None else replace(made, notes=(*inside.notes, *made.notes))
