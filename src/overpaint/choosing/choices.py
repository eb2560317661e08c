"""What to try first on an edit: for each type the methods, with their options, that together did best.

Learned by ``overpaint bench learn`` from edits whose right answer is known and kept as data in the package.
What one model taught holds for that model; any other gets the field's usual one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import log
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import ValidationError

from overpaint.options import Options

DATA = Path(__file__).with_name("choices.json")
Type = Literal[
    "random", "object", "add", "delete", "content", "pose", "colour", "material", "background", "style"
]
"""The types of edit, in the words of PIE-Bench (arXiv:2310.01506)."""
TYPES: Final[Mapping[str, Type]] = {
    "thing": "object",
    "added": "add",
    "removed": "delete",
    "order": "content",
    "attribute.size": "content",
    "attribute.pose": "pose",
    "attribute.colour": "colour",
    "attribute.material": "material",
    "attribute": "colour",
    "surroundings": "background",
    "style": "style",
}
"""Which type two prompts ask for, by what is read from their words (`overpaint.run.asked`)."""
ELSE: Final = "random"
MIXED = "mixed"
"""More than one of these."""
SMALL, NEARLY_ALL = 0.25, 0.9
"""Shares of the picture: on Still Life's fixed cases no change of a thing but of its size or place takes more
than the first, and of the types that words name only surroundings and style take more than the second."""


class Choice(Options):
    """A method with options, and how it did."""

    method: str
    said: Mapping[str, Any] = {}
    """Options that were set."""
    came: float = 0.0
    """The share of edits of the type that came off."""
    cases: int = 0
    """How many there were."""
    steps: int = 0
    """How many steps such an edit walks with a picture to be seen on the way; 0 where that is not known."""

    @property
    def title(self) -> str:
        """Its name for people."""
        return " ".join([self.method, *(f"{name}={value}" for name, value in self.said.items())])


def choice_of(row: Mapping[str, Any]) -> Choice:
    """How to ask again for what a row of results was made by."""
    said: dict[str, Any] = dict(row["said"])
    if row["inversion"] and "inversion" in row["options"]:
        said["inversion"] = str(row["inversion"])
    return Choice(method=str(row["method"]), said=said, steps=int(row.get("walked", 0)))


USUAL = (Choice(method="p2p"), Choice(method="pnp"), Choice(method="masactrl"))
"""What is tried on models that nothing was learned with, until one can be done."""


class Choices(Options):
    """What to try, by type, and from what that was learned."""

    model: str
    """The fingerprint of the model."""
    code: str
    """The version of the code."""
    telling: str = ""
    """What the signals were found by (`overpaint.choosing.telling`); empty where that was not kept."""
    cases: int
    by: Mapping[str, tuple[Choice, ...]]
    enough: float = 1.0
    """The chance from which on no further method is tried."""
    together: bool = False
    """Whether all are made, and the one most like the others is given (`overpaint.choosing.agreement`)."""
    early: float | None = None
    """What an early look must find (`overpaint.choosing.early`), or the edit is given up for another one."""
    usual: Mapping[str, Mapping[str, float]] = {}
    """The share of edits that come off by method and type, few cases mixed with many; "" is any other."""

    def expected(self, title: str, kind: str) -> float:
        """The odds (logarithm) that an edit of a type by a method comes off, before anybody looks at it."""
        shares = self.usual.get(title, self.usual.get("", {}))
        return odds(shares.get(kind, 0.5))


LEAST = 0.01


def odds(share: float) -> float:
    """The logarithm of the odds; no share counts as less than one in a hundred, or more than 99."""
    kept = min(max(share, LEAST), 1 - LEAST)
    return log(kept / (1 - kept))


def type_of(kinds: Sequence[str], share: float | None = None) -> Type:
    """The type of edit that prompts ask for: ``kinds`` as `overpaint.run.asked` reads them, best first.

    Where they ask for several things at once, the share of the picture that may change decides, if it is
    known: in a small part of it a thing is exchanged, and hardly anything stays but where surroundings are.
    """
    for kind in kinds:
        if kind in TYPES:
            return TYPES[kind]
    if MIXED not in kinds or share is None or SMALL < share < NEARLY_ALL:
        return ELSE
    return "object" if share <= SMALL else "background"


@cache
def shipped() -> Choices | None:
    """What comes with the package, if there is any."""
    return read(DATA)


def read(place: Path) -> Choices | None:
    """Choices from their file; nothing where there is none that can be read."""
    try:
        return Choices.model_validate_json(place.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
