"""The file behind the queue: opened for each thread, durable, its troubles said in sentences."""

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import local
from typing import Any

from overpaint.errors import UsageError
from overpaint.ledger.entry import Entry, LedgerError

FILE = "ledger.sqlite"
LAYOUT = 1
"""Of the tables; another overpaint's ledger is left alone."""
PATIENCE = 30.0
"""Seconds to wait for somebody else who writes."""
PAGES = 64 * 2**20
"""Bytes of the file that are held in memory at most, and that wait before they are put in their place."""
COLUMNS = (
    "id, key, state, work, attempts, deaths, progress, result, said, wish AS cancelling, holder, "
    "made, began, ended"
)
TABLES = """
CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL UNIQUE,
    place REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    work TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    deaths INTEGER NOT NULL DEFAULT 0,
    progress REAL NOT NULL DEFAULT 0,
    result TEXT NOT NULL DEFAULT '{}',
    said TEXT NOT NULL DEFAULT '',
    wish INTEGER NOT NULL DEFAULT 0,
    holder TEXT NOT NULL DEFAULT '',
    until REAL NOT NULL DEFAULT 0,
    made REAL NOT NULL,
    began REAL,
    ended REAL
);
CREATE INDEX IF NOT EXISTS by_state ON entries (state, place);
CREATE INDEX IF NOT EXISTS by_place ON entries (place);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass
class Database:
    """Connections to the file in a folder, one a thread; the folder and the tables are made where missing."""

    folder: Path
    kept: local = field(default_factory=local)

    def __post_init__(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"The folder {self.folder} for the queue cannot be made ({error.strerror}); choose another."
            ) from None
        with self.reading() as db:
            (layout,) = db.execute("PRAGMA user_version").fetchone()
            if layout not in (0, LAYOUT):
                raise UsageError(
                    f"The queue in {self.folder} was written by another overpaint (layout {layout}, this one "
                    f"reads {LAYOUT}); choose another folder, or update overpaint."
                )
            if not layout:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {LAYOUT}; COMMIT;")

    @property
    def file(self) -> Path:
        """Where it is."""
        return self.folder / FILE

    @contextmanager
    def reading(self) -> Generator[sqlite3.Connection, None, None]:
        """A connection of this thread, what goes wrong said as a sentence.

        Raises:
            LedgerError: the file cannot be opened, read or written.
        """
        try:
            if not hasattr(self.kept, "db"):
                self.kept.db = self._connected()
            yield self.kept.db
        except sqlite3.Error as error:
            raise LedgerError(
                f"The queue in {self.folder} cannot be used ({error}); what is in it is kept, so free the "
                "disk or end what blocks it, and go on."
            ) from None

    @contextmanager
    def writing(self) -> Generator[sqlite3.Connection, None, None]:
        """The same for several changes that happen all or not at all, and nobody else's in between."""
        with self.reading() as db:
            if db.in_transaction:  # inside another one
                yield db
                return
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.file, timeout=PATIENCE, isolation_level=None)
        db.execute("PRAGMA synchronous = FULL")  # what was said to be done is on disk, also after a power cut
        # Ids are hashes, so each lands on a page of its own: with SQLite's 2 MiB of pages every one of a
        # million rows is read and written back by itself.
        db.execute(f"PRAGMA cache_size = -{PAGES // 1024}")
        db.execute(f"PRAGMA wal_autocheckpoint = {PAGES // 4096}")
        return db

    def close(self) -> None:
        """Close the connection of this thread."""
        if hasattr(self.kept, "db"):
            self.kept.db.close()
            del self.kept.db


def entry_of(row: Sequence[Any]) -> Entry:
    """A row of `COLUMNS` as an entry."""
    names = [name.rpartition(" AS ")[2] for name in COLUMNS.split(", ")]
    values: dict[str, Any] = dict(zip(names, row, strict=True))
    values |= {name: json.loads(values[name]) for name in ("work", "result")}
    values["cancelling"] = bool(values["cancelling"])
    # RETURNING gives whole numbers as such, whatever the column
    for name in ("progress", "made", "began", "ended"):
        values[name] = None if values[name] is None else float(values[name])
    return Entry(**values)
