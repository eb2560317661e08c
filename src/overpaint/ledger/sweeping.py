"""Files and folders that belong to no work any more, removed from the folder of the queue."""

import re
import shutil
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

YOUNG = 3600.0
"""Seconds for which a file that nothing names is kept."""
OWN = "compare"
"""The folder of the folders that belong to one piece of work each, by its id."""
NAMED = re.compile(r"\b[0-9a-f]{64}\b")
"""How work names files: by their content."""


def named_in(*texts: str) -> set[str]:
    """The files that texts name by their content."""
    return {name for text in texts for name in NAMED.findall(text)}


def sweep(db: sqlite3.Connection, folder: Path, older: float = 0.0, named: set[str] | None = None) -> None:
    """Remove files that no work names: all that are older than so many seconds, or some by their names.

    Inside a transaction, so that nobody stores one meanwhile; files that are younger than an hour may belong
    to work that is about to be asked for.
    """
    files = list(
        folder.glob("*/*") if named is None else (f for n in named for f in folder.glob(f"{n[:2]}/{n}.*"))
    )
    if not files:
        return
    rows = db.execute("SELECT work, result FROM entries").fetchall()
    kept, before = {one for row in rows for one in named_in(*row)}, time.time() - max(older, YOUNG)
    for file in files:
        with suppress(OSError):  # a draft may be gone to its place meanwhile
            if file.stem not in kept and (named is not None or file.stat().st_mtime < before):
                file.unlink()


def sweep_own(db: sqlite3.Connection, folder: Path, id: str = "*") -> None:
    """Remove the folders of work that is forgotten: all of them, or that of one."""
    known = {one for (one,) in db.execute("SELECT id FROM entries")}
    for place in folder.glob(id):
        if place.name not in known:
            shutil.rmtree(place, ignore_errors=True)
