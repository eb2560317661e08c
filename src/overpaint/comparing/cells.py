"""The cells of a comparison: every method at every point of a grid of options, each settled once."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overpaint import registry
from overpaint.bench.variant import ALL, names_of
from overpaint.card import Card, Need
from overpaint.errors import UsageError
from overpaint.near import nearest
from overpaint.run.request import kind_of
from overpaint.run.settings import settings_of

MOST = 200
"""Cells beyond which somebody has to say that so many are meant."""
INVERSION = "inversion"


@dataclass(frozen=True)
class Cell:
    """One thing to try: a method, and the options that were said for it."""

    method: str
    said: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def title(self) -> str:
        """Its name for people."""
        return " ".join([self.method, *(f"{name}={value}" for name, value in self.said.items())])


def cells(
    methods: Sequence[str],
    grid: Mapping[str, Sequence[Any]],
    options: Mapping[str, Any],
    family: str,
    given: frozenset[Need],
) -> list[Cell]:
    """Every chosen method at every point of the grid; an option is set wherever there is one of that name.

    ``all`` stands for the methods that edit with what is ``given`` on models of this family.

    Raises:
        UsageError: an unknown method, or an option that none of the chosen methods has.
    """
    found, there = list[Cell](), set[str]()
    for name in named(methods, family, given):
        settings = settings_of(kind_of(name).model_json_schema())
        for point in points(grid):
            said = {**options, **point}
            own = set(names_of(settings, str(said.get(INVERSION, ""))))
            there |= own
            cell = Cell(name, {key: value for key, value in said.items() if key in own})
            if cell not in found:
                found.append(cell)
    for option in (*options, *grid):
        if option not in there:
            raise UsageError(
                f"There is no option {option!r} for the chosen methods; {nearest(option, sorted(there))}"
            )
    return found


def points(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of a grid."""
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def named(methods: Sequence[str], family: str, given: frozenset[Need]) -> list[str]:
    """The chosen names, each once.

    Raises:
        UsageError: an unknown one, or none.
    """
    every = (kind.card for kind in registry.every())
    able = [card.name for card in every if family in card.families and suits(card, given)]
    names = (one for name in methods for one in (able if name == ALL else [registry.known(name)]))
    found = list(dict.fromkeys(names))
    if not found:
        raise UsageError("There is no method to compare; name some, as in --methods p2p,sdedit.")
    return found


def suits(card: Card, given: frozenset[Need]) -> bool:
    """Whether a method edits a picture by a prompt, with nothing beyond what is given."""
    edits = Need.IMAGE in card.needs and (Need.TARGET in card.needs | card.optional or bool(card.target_or))
    return edits and card.needs <= given


def check_count(found: Sequence[Cell], bounded: bool) -> None:
    """Refuse more cells than anybody asks for by accident; ``bounded`` says that a budget ends them.

    Raises:
        UsageError: there are.
    """
    if len(found) > MOST and not bounded:
        raise UsageError(
            f"These are {len(found)} edits, more than {MOST}; say --yes if you mean them all, or give a "
            "--budget."
        )
