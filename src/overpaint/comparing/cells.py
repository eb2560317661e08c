"""The cells of a comparison: every method at every point of a grid of options, each settled once."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overpaint import registry
from overpaint.bench.variant import ALL, names_of
from overpaint.card import Card, Need
from overpaint.errors import UsageError
from overpaint.near import nearest
from overpaint.run.request import kind_of
from overpaint.run.settings import Setting, settings_of

MOST = 200
"""Cells beyond which somebody has to say that so many are meant."""
ABSURD = 10_000
"""Cells that nobody means: planning them alone would take minutes."""
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
    bounded: bool = False,
) -> list[Cell]:
    """Every chosen method at every point of the grid; an option is set wherever there is one of that name.

    ``all`` stands for the methods that edit with what is ``given`` on models of this family; ``bounded`` says
    that more than `MOST` are meant, or that a budget ends them.

    Raises:
        UsageError: an unknown method, an option that none of the chosen methods has, or too many cells.
    """
    blocks, there = list[Block](), set[str]()
    for name in named(methods, family, given):
        settings = settings_of(kind_of(name).model_json_schema())
        for block in blocks_of(name, settings, grid, options):
            there |= block.own
            blocks.append(block)
    for option in (*options, *grid):
        if option not in there:
            raise UsageError(
                f"There is no option {option!r} for the chosen methods; {nearest(option, sorted(there))}"
            )
    check_count(sum(block.count for block in blocks), bounded)
    return [cell for block in blocks for cell in block.cells]


@dataclass(frozen=True)
class Block:
    """The cells of a method on one inversion, counted before any of them is made."""

    method: str
    own: frozenset[str]
    """The options that there are."""
    said: Mapping[str, Any]
    """Those that are the same in all cells."""
    grid: Mapping[str, Sequence[Any]]
    """Values of those that are not, each once."""

    @property
    def count(self) -> int:
        """How many there are."""
        return math.prod(map(len, self.grid.values()))

    @property
    def cells(self) -> Iterator[Cell]:
        """Every combination."""
        for values in itertools.product(*self.grid.values()):
            yield Cell(self.method, {**self.said, **dict(zip(self.grid, values, strict=True))})


def blocks_of(
    method: str,
    settings: Mapping[str, Setting],
    grid: Mapping[str, Sequence[Any]],
    options: Mapping[str, Any],
) -> Iterator[Block]:
    """A method on each of its inversions, as which options there are depends on them."""
    walked = distinct(grid.get(INVERSION, ())) if INVERSION in settings else []
    for one in walked or [options.get(INVERSION, "")]:
        own = frozenset(names_of(settings, str(one)))
        mine = {key: [one] if key == INVERSION else distinct(grid[key]) for key in grid if key in own}
        said = {key: value for key, value in options.items() if key in own}
        yield Block(method, own, said, mine)


def distinct(values: Sequence[Any]) -> list[Any]:
    """Each value once; they may be of a kind that no set takes."""
    try:
        return list(dict.fromkeys(values))
    except TypeError:
        return [one for k, one in enumerate(values) if one not in values[:k]]


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


def check_count(count: int, bounded: bool) -> None:
    """Refuse more cells than anybody asks for by accident, and more than anybody could mean.

    Raises:
        UsageError: there are.
    """
    if count > ABSURD:
        raise UsageError(
            f"These are {count} edits, more than the {ABSURD} that one comparison takes; give fewer "
            "values or methods."
        )
    if count > MOST and not bounded:
        raise UsageError(
            f"These are {count} edits, more than {MOST}; say --yes if you mean them all, or give a --budget."
        )
