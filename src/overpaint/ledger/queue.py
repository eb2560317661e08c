"""The queue itself, in one SQLite file: leases, attempts, order, pause, cancel, and nothing twice.

Ours, since no library we looked at (huey 3.5 on SQLite, litequeue 0.9, persist-queue 1.1) holds leases with a
heartbeat, counts the workers that died over a piece of work, and can cancel one that runs; they remove work
when it is handed out, or hand all of it out again after a restart.

What a worker may do rests on holding a lease, never on a clock alone: whoever lost it is refused when it
comes back, so a clock that jumps costs work but never gives two results.
"""

import re
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overpaint.errors import UsageError
from overpaint.ledger.database import COLUMNS, Database, entry_of
from overpaint.ledger.entry import DEADLY, MOST_DEATHS, OVER, STATES, Entry, Lost, State, id_of, packed
from overpaint.ledger.holder import Holder, is_dead, is_driver
from overpaint.ledger.sweeping import OWN, named_in, sweep, sweep_own

LEASE = 60.0
"""Seconds after which work of a worker that is not heard of goes to another one; on the same machine a dead
one is noticed at once."""
CHUNK = 2000
"""Pieces of work that are written in one stroke."""
Wish = tuple[str | None, Mapping[str, Any]]
"""An idempotency key (nothing for work that is always new), and what to do."""


@dataclass
class Ledger:
    """The queue in a folder, for any number of threads and processes."""

    folder: Path
    base: Database = field(init=False)

    def __post_init__(self) -> None:
        self.base = Database(self.folder)

    @property
    def results(self) -> Path:
        """The folder beside the queue in which what came out is kept by its content."""
        return self.folder / "results"

    def own(self, id: str) -> Path:
        """The folder of one piece of work, for what it keeps on its way; both are forgotten together."""
        return self.folder / OWN / id

    # Asking ---------------------------------------------------------------------------------------------

    def put(self, wishes: Iterable[Wish]) -> Iterator[tuple[str, bool]]:
        """Queue work; says of each its id and whether it is new. All of a chunk is queued or none of it.

        Raises:
            UsageError: a key was used for other work before.
        """
        chunk = list[Wish]()
        for wish in wishes:
            chunk.append(wish)
            if len(chunk) == CHUNK:
                yield from self._put(chunk)
                chunk.clear()
        yield from self._put(chunk)

    def add(self, work: Mapping[str, Any], key: str | None = None) -> str:
        """Queue one piece of work and give its id; with a key that was used before, that of the earlier."""
        return next(self.put([(key, work)]))[0]

    def _put(self, chunk: Iterable[Wish]) -> list[tuple[str, bool]]:
        named = [(secrets.token_hex(16) if key is None else key, packed(work)) for key, work in chunk]
        found = list[tuple[str, bool]]()
        with self.base.writing() as db:
            (last,) = db.execute("SELECT coalesce(max(place), 0) FROM entries").fetchone()
            for place, (key, work) in enumerate(named, int(last) + 1):
                row = (id_of(key), key, place, work, time.time())
                new = db.execute(
                    "INSERT INTO entries (id, key, place, work, made) VALUES (?, ?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    row,
                ).rowcount
                old = None if new else db.execute("SELECT work FROM entries WHERE key = ?", (key,)).fetchone()
                if old is not None and old[0] != work:
                    raise UsageError(f"The key {key[:60]!r} was used for other work before; choose another.")
                found.append((id_of(key), bool(new)))
        return found

    def get(self, id: str) -> Entry:
        """The work of that id, or of a beginning of it that only one has.

        Raises:
            UsageError: there is none, or there are several.
        """
        with self.base.reading() as db:
            known = "".join(c for c in id if c.isalnum())[:16] or "~"  # which none begins with
            rows = db.execute(
                f"SELECT {COLUMNS} FROM entries WHERE id >= ? AND id < ? LIMIT 2", (known, known + "~")
            ).fetchall()
        if len(rows) != 1:
            raise UsageError(
                f"{'Several pieces' if rows else 'No piece'} of work in the queue "
                f"{'have' if rows else 'has'} the id {id[:20]!r}; overpaint queue lists them."
            )
        return entry_of(rows.pop())

    def entries(self, state: State | None = None, limit: int = -1, latest: bool = False) -> list[Entry]:
        """Work in its order, or what came last first."""
        where = "" if state is None else "WHERE state = :state "
        order = f"ORDER BY place {'DESC' if latest else 'ASC'} LIMIT :limit"
        with self.base.reading() as db:
            rows = db.execute(
                f"SELECT {COLUMNS} FROM entries {where}{order}", {"state": state, "limit": limit}
            )
            return [entry_of(row) for row in rows]

    def found(
        self,
        words: str = "",
        within: Sequence[str] = (),
        states: Sequence[State] = STATES,
        before: int | None = None,
        limit: int = 50,
        until: float | None = None,
    ) -> list[tuple[int, Entry]]:
        """The latest work that says all of these words ``within`` those values (``$.request.target``).

        Each with its number, from below which to go on; ``until`` are seconds since 1970.
        """
        text = " || ' ' || ".join("lower(coalesce(work ->> ?, ''))" for _ in within) or "''"
        wanted = ["%" + re.sub(r"([%_\\])", r"\\\1", word.lower()) + "%" for word in words.split()]
        where = "".join(f" AND {text} LIKE ? ESCAPE '\\'" for _ in wanted)
        values = [value for one in wanted for value in (*within, one)]
        among = ", ".join("?" for _ in states)
        with self.base.reading() as db:
            rows = db.execute(
                f"SELECT number, {COLUMNS} FROM entries WHERE number < ? AND made <= ? AND state IN ({among})"
                f"{where} ORDER BY number DESC LIMIT ?",
                (before or 2**62, 2**62 if until is None else until, *states, *values, limit),
            ).fetchall()
        return [(number, entry_of(row)) for number, *row in rows]

    def counts(self) -> dict[str, int]:
        """How many there are of each state."""
        with self.base.reading() as db:
            return dict(db.execute("SELECT state, count(*) FROM entries GROUP BY state").fetchall())

    def ids(self, state: State) -> list[str]:
        """The ids of all in that state, in their order."""
        with self.base.reading() as db:
            ask = "SELECT id FROM entries WHERE state = ? ORDER BY place"
            return [id for (id,) in db.execute(ask, (state,))]

    def states(self) -> dict[str, State]:
        """The state of everything there is, by id."""
        with self.base.reading() as db:
            return dict(db.execute("SELECT id, state FROM entries").fetchall())

    def waiting(self, name: str) -> dict[str, str]:
        """The ids of what waits, by a value of the work."""
        with self.base.reading() as db:
            return dict(
                db.execute(
                    "SELECT work ->> ?, id FROM entries WHERE state = 'queued' AND work ->> ? IS NOT NULL",
                    (name, name),
                ).fetchall()
            )

    def waiting_of(self, name: str, value: str) -> int:
        """How much waits whose work says that."""
        with self.base.reading() as db:
            question = "SELECT count(*) FROM entries WHERE state = 'queued' AND work ->> ? = ?"
            return int(db.execute(question, (name, value)).fetchone()[0])

    def before(self, entry: Entry) -> int:
        """How much waits before it."""
        with self.base.reading() as db:
            question = (
                "SELECT count(*) FROM entries WHERE state = 'queued' AND place < "
                "(SELECT place FROM entries WHERE id = ?)"
            )
            return int(db.execute(question, (entry.id,)).fetchone()[0])

    # Working --------------------------------------------------------------------------------------------

    def lease(self, holder: Holder, seconds: float = LEASE, id: str | None = None) -> Entry | None:
        """The next piece of work, or the one of an id, for this worker alone.

        Nothing if none waits, that one does not, or the queue is paused.
        """
        now = time.time()
        which = "ORDER BY place LIMIT 1" if id is None else "AND id = ?"
        with self.base.writing() as db:
            self._reclaim(db, now, seconds)
            if self.paused:
                return None
            row = db.execute(
                "UPDATE entries SET state = 'running', holder = ?, until = ?, attempts = attempts + 1, "
                "began = ?, ended = NULL, progress = 0, said = '' WHERE number = (SELECT number FROM entries "
                f"WHERE state = 'queued' {which}) RETURNING {COLUMNS}",
                (holder.name, now + seconds, now, *(() if id is None else (id,))),
            ).fetchone()
        return None if row is None else entry_of(row)

    def reclaim(self, seconds: float = LEASE) -> None:
        """Take back what dead workers held, without taking any."""
        with self.base.writing() as db:
            self._reclaim(db, time.time(), seconds)

    def _reclaim(self, db: Any, now: float, seconds: float) -> None:
        """Take back what dead workers held; a lease that ends too late tells of a clock that was set back.

        Whoever only hands work on to others is not taken for killed by it.
        """
        running = db.execute("SELECT number, holder, until FROM entries WHERE state = 'running'").fetchall()
        dead = {holder for _, holder, _ in running if is_dead(self.folder, holder)}
        for number, holder, until in running:
            if holder in dead or not now <= until <= now + 2 * max(seconds, LEASE):
                bury(db, number, now, blame=not (holder in dead and is_driver(holder)))

    def died(self, entry: Entry) -> None:
        """Take work back whose worker is known to have died over it; it is failed at the second time."""
        with self.base.writing() as db:
            held = "SELECT number FROM entries WHERE id = ? AND state = 'running' AND attempts = ?"
            for (number,) in db.execute(held, (entry.id, entry.attempts)).fetchall():
                bury(db, number, time.time(), blame=True)

    def leave(self) -> None:
        """This thread asks no more."""
        self.base.close()

    def beat(self, entry: Entry, progress: float, seconds: float = LEASE) -> bool:
        """Keep a lease, and say how far the work is; gives back whether somebody wants it to stop.

        Raises:
            Lost: the work has gone to another worker.
        """
        self._ours(entry, "until = ?, progress = ?", time.time() + seconds, progress)
        return self.get(entry.id).cancelling

    def store(self, entry: Entry, result: Mapping[str, Any]) -> None:
        """Say what came out before the work is ended: whoever takes it over need not make it again."""
        self._ours(entry, "result = ?", packed(result))

    def finish(self, entry: Entry, result: Mapping[str, Any]) -> None:
        """The work is done."""
        self._end(entry, "done", packed(result), "")

    def fail(self, entry: Entry, sentence: str) -> None:
        """The work cannot be done, and why."""
        self._end(entry, "failed", "{}", sentence)

    def drop(self, entry: Entry) -> None:
        """The work was stopped because somebody asked for it."""
        self._end(entry, "cancelled", "{}", "")

    def give_back(self, entry: Entry) -> None:
        """The worker goes, and the work is nobody's again; as if it had not been begun."""
        self._ours(entry, "state = 'queued', holder = '', attempts = attempts - 1, progress = 0")

    def _end(self, entry: Entry, state: State, result: str, said: str) -> None:
        what = "state = ?, result = ?, said = ?, ended = ?, holder = '', wish = 0, progress = ?"
        self._ours(entry, what, state, result, said, time.time(), float(state == "done"))

    def _ours(self, entry: Entry, what: str, *values: Any) -> None:
        """Change an entry that is still held as it was when it was leased."""
        with self.base.writing() as db:
            held = "WHERE id = ? AND state = 'running' AND holder = ? AND attempts = ?"
            changed = db.execute(
                f"UPDATE entries SET {what} {held}", (*values, entry.id, entry.holder, entry.attempts)
            ).rowcount
        if not changed:
            raise Lost("Another worker has taken this work over; its result counts.")

    # Steering -------------------------------------------------------------------------------------------

    def cancel(self, id: str) -> State:
        """Stop work: at once where nobody has begun, between two network calls where somebody has."""
        entry = self.get(id)
        with self.base.writing() as db:
            db.execute(
                "UPDATE entries SET state = 'cancelled', ended = ? WHERE id = ? AND state = 'queued'",
                (time.time(), entry.id),
            )
            db.execute("UPDATE entries SET wish = 1 WHERE id = ? AND state = 'running'", (entry.id,))
        return self.get(entry.id).state

    def retry(self, id: str) -> None:
        """Queue work anew that failed or was cancelled.

        Raises:
            UsageError: it is done, runs, or waits already.
        """
        entry = self.get(id)
        if not self._again("id = ?", entry.id):
            raise UsageError(f"The work {entry.id} is {entry.state}, so there is nothing to try again.")

    def redo(self, id: str) -> None:
        """Queue work anew that was done, because what came out is gone."""
        with self.base.writing() as db:
            db.execute(
                "UPDATE entries SET state = 'queued', result = '{}', progress = 0.0, ended = NULL, "
                "began = NULL WHERE id = ? AND state = 'done'",
                (id,),
            )

    def retry_failed(self) -> int:
        """Queue all work anew that failed, and say how much that is."""
        return self._again("state = 'failed'")

    def _again(self, which: str, *values: Any) -> int:
        with self.base.writing() as db:
            return db.execute(
                "UPDATE entries SET state = 'queued', deaths = 0, said = '', wish = 0, "
                f"ended = NULL, began = NULL WHERE state IN ('failed', 'cancelled') AND {which}",
                values,
            ).rowcount

    def move(self, id: str, first: bool = True) -> None:
        """Put waiting work before all other, or behind it.

        Raises:
            UsageError: it does not wait.
        """
        entry = self.get(id)
        with self.base.writing() as db:
            edge = "min(place) - 1" if first else "max(place) + 1"
            moved = db.execute(
                f"UPDATE entries SET place = (SELECT {edge} FROM entries) WHERE id = ? AND state = 'queued'",
                (entry.id,),
            ).rowcount
        if not moved:
            raise UsageError(f"The work {entry.id} is {entry.state}; only what waits can be moved.")

    @property
    def paused(self) -> bool:
        """Whether no work is handed out; what runs goes on."""
        with self.base.reading() as db:
            return db.execute("SELECT 1 FROM settings WHERE name = 'paused'").fetchone() is not None

    def pause(self, on: bool = True) -> None:
        """Hand out no more work, or do so again."""
        with self.base.writing() as db:
            db.execute("DELETE FROM settings WHERE name = 'paused'")
            if on:
                db.execute("INSERT INTO settings VALUES ('paused', '1')")

    def prune(self, older: float = 0.0) -> int:
        """Forget work that has been over for so many seconds, and files that nothing names any more."""
        with self.base.writing() as db:
            over = ", ".join(f"'{state}'" for state in sorted(OVER))
            gone = db.execute(
                f"DELETE FROM entries WHERE state IN ({over}) AND ended <= ?", (time.time() - older,)
            ).rowcount
            sweep(db, self.results, older)
            sweep_own(db, self.folder / OWN)
        return gone

    def forget(self, id: str) -> None:
        """Remove one piece of work that is over, and its files where nothing else names them.

        Raises:
            UsageError: it is not over.
        """
        entry = self.get(id)
        if entry.state not in OVER:
            raise UsageError(f"The work {entry.id} is {entry.state}; cancel it before it is forgotten.")
        with self.base.writing() as db:
            db.execute("DELETE FROM entries WHERE id = ?", (entry.id,))
            sweep(db, self.results, named=named_in(packed(entry.work), packed(entry.result)))
            sweep_own(db, self.folder / OWN, entry.id)


def bury(db: Any, number: int, now: float, blame: bool) -> None:
    """What becomes of work whose worker died: it waits again, unless it killed too many or was to stop."""
    ask = "SELECT deaths, wish FROM entries WHERE number = ?"
    deaths, wish = db.execute(ask, (number,)).fetchone()
    deaths += blame
    state = "cancelled" if wish else "failed" if deaths >= MOST_DEATHS else "queued"
    said, ended = DEADLY if state == "failed" else "", None if state == "queued" else now
    db.execute(
        "UPDATE entries SET state = ?, holder = '', deaths = ?, said = ?, ended = ?, wish = 0 "
        "WHERE number = ?",
        (state, deaths, said, ended, number),
    )
