"""One line of what is to be done, as it was found: a picture, and what is said about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

IMAGE = "image"
OUTPUT = "output"
PATTERN = "{folder}/{stem}.png"
"""What outputs are called, if nothing else is said."""
WHERE = ("mask", "mask_box", "mask_words", "mask_diff")
"""Columns that say where the picture may change."""
OWN = (IMAGE, "source", "target", "method", *WHERE, OUTPUT)
"""Columns that are no options and no part of how a picture is framed."""


@dataclass(frozen=True)
class Row:
    """A picture to edit. What is wrong with it is a sentence; the other rows are done all the same."""

    number: int
    """Its line in a table, else its place in the order of names."""
    image: str = ""
    """The address of the picture."""
    inside: str = ""
    """Its name within the folder that was named, with ``/`` between folders."""
    stamp: str | None = None
    """Changes when the picture does; nothing where nobody has looked yet."""
    cells: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What its columns say; empty ones are left out."""
    problem: str = ""

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.inside or self.image or f"row {self.number}"

    @property
    def names(self) -> Mapping[str, str]:
        """What a template may name: its columns, and by itself the parts of its name."""
        place = PurePosixPath(self.inside)
        folder = "" if place.parent == PurePosixPath(".") else str(place.parent)
        own = {"stem": place.stem, "folder": folder, "number": str(self.number)}
        return own | {name: str(value) for name, value in self.cells.items()}
