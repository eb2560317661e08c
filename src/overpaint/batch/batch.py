"""A batch: all rows in the queue, each once; what is there already is told apart from what is not ours."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from overpaint.batch.asking import Asked, Work, check_columns, checked_options, work_of
from overpaint.batch.listing import Listing
from overpaint.batch.naming import Names
from overpaint.batch.place import Place, taken
from overpaint.batch.row import Row
from overpaint.errors import UsageError
from overpaint.ledger.entry import Entry, State, id_of, packed
from overpaint.ledger.queue import Ledger, Wish


@dataclass(frozen=True)
class Problem:
    """A row that could not be queued, and why."""

    number: int
    title: str
    sentence: str


@dataclass
class Batch:
    """What one command asks for, and how far it is. Another command may fill the same folder meanwhile."""

    out: Place
    asked: Asked
    names: Names
    overwrite: bool = False
    skip: bool = False
    """Whether rows are left out whose output is there already."""
    ids: list[str] = field(default_factory=list[str])
    """What was queued for this command, now or before, in the order of its rows."""
    problems: list[Problem] = field(default_factory=list[Problem])
    skipped: int = 0
    superseded: int = 0
    """Waiting work of an earlier command that would have written the same names."""

    def works(self, listing: Listing, limit: int | None = None) -> Iterator[tuple[Row, Work]]:
        """What is to be done for each row that can be; what cannot is put down.

        Raises:
            UsageError: the table has columns that nobody reads, or no row can be done.
        """
        check_outside(self.out, listing.folder)
        checked_options.cache_clear()  # files that options name may hold something else by now
        if listing.columns is not None:
            check_columns(listing.columns, self.asked, self.names)
        good = 0
        for row in islice(listing.rows, limit):
            try:
                if listing.columns is None and not row.problem:
                    check_columns(tuple(row.cells), self.asked, self.names)
                work = work_of(row, self.asked, self.names)
            except UsageError as error:
                self.problems.append(Problem(row.number, row.title, str(error)))
                continue
            good += 1
            yield row, work
        if not good:
            raise UsageError(none_of(self.problems))

    def put(self, listing: Listing, ledger: Ledger, limit: int | None = None) -> None:
        """Queue all rows but those that were queued before; what is done is done again where it is gone."""
        there = self.out.names()
        states, waiting = ledger.states(), ledger.waiting("name")

        def wishes() -> Iterator[Wish]:
            for row, work in self.works(listing, limit):
                key, name = key_of(work), work["name"]
                id, exists = id_of(key), is_there(self.out, name, there)
                if id not in states and exists and not self.overwrite:
                    self.leave(row, work)
                    continue
                if waiting.get(name, id) != id:
                    ledger.cancel(waiting[name])
                    self.superseded += 1
                if states.get(id) == "done" and not exists:
                    ledger.redo(id)
                yield key, work

        self.ids.extend(id for id, _ in ledger.put(wishes()))

    def leave(self, row: Row, work: Work) -> None:
        """Leave a row out whose output is there and not ours."""
        if self.skip:
            self.skipped += 1
        else:
            self.problems.append(Problem(row.number, row.title, str(taken(self.out.at(work["name"])))))

    def retry(self, ledger: Ledger) -> int:
        """Queue those rows anew that failed or were cancelled before; says how many."""
        states, count = ledger.states(), 0
        for id in self.ids:
            if states[id] in ("failed", "cancelled"):
                ledger.retry(id)
                count += 1
        return count

    def counts(self, ledger: Ledger) -> dict[str, int]:
        """How many of its rows are in which state."""
        states, found = ledger.states(), dict[str, int]()
        for id in self.ids:
            found[states[id]] = found.get(states[id], 0) + 1
        return found

    def ended(self, ledger: Ledger, state: State) -> Iterator[Entry]:
        """Its rows that ended so, in the order of the queue."""
        own = set(self.ids)
        return (entry for entry in ledger.entries(state) if entry.id in own)


def none_of(problems: Sequence[Problem]) -> str:
    """What to say where no row can be done."""
    if not problems:
        return "There is nothing to edit: no row says what."
    first, more = problems[0], len(problems) > 1
    start = f"None of the {len(problems)} rows can be edited; row {first.number}: " if more else ""
    return start + first.sentence


def key_of(work: Work) -> str:
    """What work is known by: everything about it."""
    return sha256(packed(work).encode()).hexdigest()


def is_there(out: Place, name: str, there: frozenset[str] | None) -> bool:
    """Whether an output is in its place."""
    return os.path.lexists(out.at(name)) if there is None else name in there


def check_outside(out: Place, folder: str | None) -> None:
    """Refuse to write into the folder that is read: outputs would be taken for pictures to edit.

    Raises:
        UsageError: it is that.
    """
    if folder is None:
        return
    inner, outer = (os.path.realpath(one) if not out.far else one for one in (out.address, folder))
    if inner == outer or inner.startswith(outer.rstrip("/") + "/"):
        raise UsageError(
            f"{out.address} is the folder of the pictures, or inside it, so that outputs would be edited in "
            "turn; choose a folder beside it."
        )
