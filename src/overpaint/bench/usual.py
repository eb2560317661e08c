"""How often methods come off by type: what is expected of an edit before anybody looks at it.

Few cases of a type say little of a method, so its share there is mixed with what method and type by
themselves would lead one to expect, and those with the share of all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import exp
from typing import NamedTuple

from overpaint.choosing.choices import odds

EVERY = 20.0
"""Cases that the share of all counts as, beside those of a method or of a type."""
OWN = 20.0
"""Cases that the expected share counts as, beside those of a method on a type."""
ANY, UNKNOWN = "", "?"
"""In place of a method or a type: all of them; a method of which nothing is known."""


class Came(NamedTuple):
    """An edit: by which method, of which type, and whether it came off."""

    row: str
    kind: str
    came: bool


class Tally:
    """How many edits there were by method and type, and how many of them came off."""

    def __init__(self, edits: Iterable[Came]) -> None:
        self.all = Counter[tuple[str, str]]()
        self.good = Counter[tuple[str, str]]()
        for edit in edits:
            for place in places(edit.row, edit.kind):
                self.all[place] += 1
                self.good[place] += edit.came

    def less(self, edits: Iterable[Came]) -> "Tally":
        """The same without some of the edits."""
        other, gone = Tally(()), Tally(edits)
        other.all = Counter({place: n - gone.all[place] for place, n in self.all.items()})
        other.good = Counter({place: n - gone.good[place] for place, n in self.good.items()})
        return other

    def usual(self, row: str, kind: str) -> float:
        """The share of edits by a method on a type that come off; of what is unknown, that of all."""
        every = self.mixed((ANY, ANY), 0.5, 1.0)
        of_row, of_kind = (self.mixed(place, every, EVERY) for place in ((row, ANY), (ANY, kind)))
        expected = 1 / (1 + exp(odds(every) - odds(of_row) - odds(of_kind)))
        return self.mixed((row, kind), expected, OWN)

    def mixed(self, place: tuple[str, str], expected: float, cases: float) -> float:
        """A share, with what was expected of it counted as so many cases."""
        return (self.good[place] + cases * expected) / (self.all[place] + cases)

    def table(self, titles: Mapping[str, str]) -> dict[str, dict[str, float]]:
        """The usual shares by title and type, ``titles`` by row; under no title those of any other method."""
        kinds = sorted(kind for row, kind in self.all if row == ANY != kind)
        named = {**titles, UNKNOWN: ""}
        return {
            title: {kind: round(self.usual(row, kind), 4) for kind in kinds} for row, title in named.items()
        }


def places(row: str, kind: str) -> list[tuple[str, str]]:
    """Where an edit is counted."""
    return [(row, kind), (row, ANY), (ANY, kind), (ANY, ANY)]
