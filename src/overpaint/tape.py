"""One call in several parts: fewer rows at a time, with what controls read of earlier rows kept on a tape.

Attention is computed row by row; only controls look across rows, and they say which rows they look at and
which they change. So a call can be taken apart wherever its controls allow: a row that is changed comes no
earlier than the rows its change is read from. A control acts once, in the part that holds the last of its
rows. What it will want to see of earlier parts is kept as it was when the control's turn in the stack came,
so that what other controls did before it is in it, and what they do after it is not.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from overpaint.attention import Control, Moment, Site, Stage, Turn, Whole, ask

Key = tuple[int, Stage, str, int]
"""A control, a stage, a layer, and which of its visits there."""
Kept = dict[int, tuple[Tensor, ...]]
"""Tensors by row."""


def turns(at: Moment, controls: Sequence[Control], most: int | None) -> Sequence[Turn]:
    """The parts of a call, in the order in which they have to run.

    Args:
        at: the whole call.
        controls: those that act in it.
        most: rows of one part. More are taken together only where a control changes rows that are read for
            one another; a control that names no rows at all might look at any, so it keeps all together.
    """
    if most is None or len(at.rows) <= most:
        return [Whole(at)]
    tape = Tape(at, parts(at, controls, most))
    return [Whole(at)] if len(tape.parts) == 1 else [Part(tape, nth) for nth in range(len(tape.parts))]


def named(at: Moment, c: Control) -> list[int]:
    """The rows a control looks at or changes; all of them if it does not say."""
    return at.of(*c.reads, *c.writes) if c.reads or c.writes else list(range(len(at.rows)))


def changed(at: Moment, c: Control) -> list[int]:
    """The rows a control changes; all of them if it names none."""
    return at.of(*c.writes) if c.reads or c.writes else list(range(len(at.rows)))


def parts(at: Moment, controls: Sequence[Control], most: int) -> list[list[int]]:
    """The rows of each part."""
    found: list[list[int]] = []
    for knot in knots(at, controls):
        if found and len(found[-1]) + len(knot) <= most:
            found[-1] += knot
        else:
            found.append(knot)
    return found


def knots(at: Moment, controls: Sequence[Control]) -> list[list[int]]:
    """Rows that cannot be parted, those first that others read."""
    count = range(len(at.rows))
    before = [[row == other for other in count] for row in count]
    for c in controls:
        for row in named(at, c):
            for other in changed(at, c):
                before[row][other] = True
    for middle in count:
        for row in count:
            for other in count:
                before[row][other] |= before[row][middle] and before[middle][other]
    together = {tuple(o for o in count if before[row][o] and before[o][row]) for row in count}
    # Whatever comes before a row has fewer rows before itself.
    order = sorted(together, key=lambda knot: (sum(before[row][knot[0]] for row in count), knot))
    return [list(knot) for knot in order]


@dataclass(eq=False)
class Tape:
    """A call in parts, and what later parts need of earlier ones."""

    at: Moment
    parts: list[list[int]]
    kept: dict[Key, Kept] = field(default_factory=dict[Key, Kept], repr=False)

    def due(self, c: Control) -> int:
        """The part in which a control acts: where the last of its rows is."""
        rows = set(named(self.at, c))
        return max((nth for nth, part in enumerate(self.parts) if rows & set(part)), default=0)


@dataclass(eq=False)
class Part:
    """Some rows of a call, beside what is on the tape."""

    tape: Tape
    nth: int
    visits: Counter[Key] = field(default_factory=Counter[Key], repr=False)

    @property
    def rows(self) -> Sequence[int]:
        """The rows of this part."""
        return self.tape.parts[self.nth]

    @property
    def moment(self) -> Moment:
        """The call with the rows of this part."""
        return replace(self.tape.at, rows=tuple(self.tape.at.rows[row] for row in self.rows))

    def maps(self, c: Control) -> bool:
        """Whether the control looks at the maps of one of these rows."""
        return c.needs_probs and not set(self.rows).isdisjoint(named(self.tape.at, c))

    def ask(self, c: Control, stage: Stage, site: Site, xs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Let the control act if its part has come; keep what it will read if that is still to come."""
        if not edits(c, stage):
            return xs
        place = (id(c), stage, site.name, 0)
        key = (*place[:3], self.visits[place])
        self.visits[place] += 1
        here = {row: tuple(x[k : k + 1] for x in xs) for k, row in enumerate(self.rows)}
        rows, due = named(self.tape.at, c), self.tape.due(c)
        if self.nth > due or not rows:
            return xs
        if self.nth < due:
            mine = {row: tuple(x.clone() for x in here[row]) for row in rows if row in here}
            self.tape.kept.setdefault(key, {}).update(mine)
            return xs
        there = self.tape.kept.pop(key, {}) | here
        at = replace(self.tape.at, rows=tuple(self.tape.at.rows[row] for row in rows))
        made = ask(c, stage, site, at, tuple(map(torch.cat, zip(*(there[row] for row in rows), strict=True))))
        new = here | {row: tuple(x[k : k + 1] for x in made) for k, row in enumerate(rows)}
        return tuple(map(torch.cat, zip(*(new[row] for row in self.rows), strict=True)))


def edits(c: Control, stage: Stage) -> bool:
    """Whether a control has anything to do at a stage."""
    return getattr(getattr(c, stage), "__func__", None) is not getattr(Control, stage)


def joined(outs: Sequence[Tensor], order: Sequence[Turn]) -> Tensor:
    """The outputs of all parts, in the order of the call."""
    if len(outs) == 1:
        return outs[0]
    places = [row for turn in order for row in turn.rows]
    return torch.cat(list(outs))[[places.index(row) for row in range(len(places))]]
