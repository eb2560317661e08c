"""Results on disk: one line of JSON for each case and variant, added and never changed.

Any number of processes may share a folder: a case is claimed before it is done, and a line is written in one
stroke under a lock. Claims die with their process.
"""

import json
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from overpaint.bench.variant import Variant
from overpaint.errors import UsageError
from overpaint.files import atomic

FILE, LOCK, CLAIMS = "results.jsonl", "results.lock", "claims"
PICTURES = "pictures"
"""The folder of the pictures that are kept."""
ROWS = "rows.jsonl"
"""What lines have in common, where they were made compact (`overpaint.bench.publish`)."""
NAMES, LISTED = "names", ("figures", "signals")
"""Where compact lines of a row have the names of what stands in them as lists, and what does."""
CASED = b'"case":'
"""What every line says somewhere, and those that were not made compact at their beginning."""
FORMAT = 1
"""Lines of another format are left alone."""
NAMED = ("method", "inversion", "options", "gifts", "code", "model")
"""What tells one row of the table from another."""
SHARED = ("format", *NAMED, "said", "reference")
"""What all lines of a row have in common."""
NETWORKS = "networks"
"""What of a line says by which networks it was measured, with a hash of each, where its set has its own."""
Line = Mapping[str, Any]


def row_of(variant: Variant, model: str) -> dict[str, Any]:
    """The part of a line that says what was put to the test, on a model of that fingerprint."""
    return {
        "format": FORMAT,
        "method": variant.method,
        "inversion": variant.inversion,
        "said": dict(variant.said),
        "options": dict(variant.options),
        "gifts": list(variant.gifts),
        "reference": variant.reference,
        "code": variant.code,
        "model": model,
    }


def row_key(line: Line) -> str:
    """What rows of the table are known by."""
    text = json.dumps([line[name] for name in NAMED], sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def key(line: Line) -> tuple[str, str]:
    """What a line is known by: its case and its row."""
    return str(line["case"]), row_key(line)


def named(line: Line) -> Line:
    """A compact line with the names of its values, which its row has; one with nothing has no value there."""
    told = {part: names for part, names in line.get(NAMES, {}).items() if isinstance(line.get(part), list)}
    lists = {
        part: {name: value for name, value in zip(names, line[part], strict=True) if value is not None}
        for part, names in told.items()
    }
    return {part: value for part, value in {**line, **lists}.items() if part != NAMES}


def shared_in(folder: Path) -> dict[str, Line]:
    """What compact lines of a folder leave out; nothing where there are none, or it cannot be read."""
    try:
        lines = [cast("Line", json.loads(text)) for text in (folder / ROWS).read_bytes().splitlines()]
        return {line["row"]: line for line in lines}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def behind(networks: Mapping[str, str], line: Line | None) -> bool:
    """Whether a result lacks figures of one of these networks, or has them of another one in its place."""
    if line is None or "error" in line:
        return False
    known = line.get(NETWORKS, {})
    return any(known.get(name) != mark for name, mark in networks.items())


def replaced(networks: Mapping[str, str], line: Line) -> bool:
    """Whether any of its figures are of another network than is here now."""
    known = line.get(NETWORKS, {})
    return any(known.get(name, mark) != mark for name, mark in networks.items())


@dataclass
class Results:
    """The results of a folder. `Results.opened` makes one to write to, `Results.read` one to look at."""

    folder: Path
    lines: dict[tuple[str, str], Line] = field(default_factory=dict[tuple[str, str], Line])
    """The last line of every case and row."""
    damaged: int = 0
    """Lines that could not be read."""
    seen: int = 0
    """Bytes of the file that were read."""
    shared: dict[str, Line] = field(default_factory=dict[str, Line])
    """By row, what compact lines of it leave out."""

    @property
    def file(self) -> Path:
        """Where the lines are."""
        return self.folder / FILE

    def picture(self, case: str, row: str) -> Path:
        """Where the picture of a case by a row is, if it was kept."""
        return self.folder / PICTURES / case / f"{row}.png"

    @staticmethod
    def opened(folder: Path) -> "Results":
        """The results of a folder to add to; the folder is made, and a line that a kill cut off is removed.

        Raises:
            UsageError: the folder cannot be written to, or holds somebody else's file of that name.
        """
        results = Results(folder, shared=shared_in(folder))
        if results.foreign:
            raise UsageError(
                f"The folder {folder} holds a {FILE} that is no list of results; choose another folder."
            )
        try:
            (folder / CLAIMS).mkdir(parents=True, exist_ok=True)
            with results.writing():
                results.file.touch()
                results.repair()
        except OSError as error:
            raise UsageError(
                f"The folder {folder} cannot be written to ({error.strerror or error}); choose another."
            ) from None
        results.refresh()
        return results

    @staticmethod
    def read(folder: Path) -> "Results":
        """The results of a folder, to look at.

        Raises:
            UsageError: there are none.
        """
        results = Results(folder, shared=shared_in(folder))
        try:
            results.refresh()
        except OSError as error:
            raise UsageError(
                f"There are no results in {folder} ({error.strerror or error}); make some with: overpaint "
                f"bench still-life --out {folder}"
            ) from None
        return results

    @property
    def foreign(self) -> bool:
        """Whether there is a file of that name in which no line, nor the beginning of one, is of a case."""
        try:
            data = self.file.read_bytes()
        except OSError:
            return False
        return CASED not in data and not (b"{" + CASED).startswith(data)

    def refresh(self) -> None:
        """Read the lines that were added since, by this process or another."""
        with self.file.open("rb") as file:
            file.seek(self.seen)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.seen += len(whole)
        for text in whole.splitlines():
            self.take(text)

    def take(self, text: bytes) -> None:
        """Keep a line, if it is one of ours."""
        try:
            line = cast("Line", json.loads(text))
            line = named({**self.shared.get(line.get("row", ""), {}), **line})
            if line["format"] == FORMAT:
                self.lines[key(line)] = line
        except (ValueError, KeyError, TypeError, AttributeError):
            self.damaged += 1

    def add(self, line: Line) -> None:
        """Write a line.

        Raises:
            UsageError: the disk is full, or the folder can no longer be written to.
        """
        try:
            with self.writing():
                self.repair()
                atomic.append(self.file, json.dumps(line, separators=(",", ":"), allow_nan=False))
        except OSError as error:
            raise UsageError(
                f"The results in {self.folder} cannot be written ({error.strerror or error}); the same "
                "command goes on where it stopped."
            ) from None
        self.refresh()

    def repair(self) -> None:
        """Cut off a last line that has no end."""
        with self.file.open("r+b") as file:
            data = file.read()
            whole = data.rfind(b"\n") + 1
            if whole < len(data):
                file.truncate(whole)

    def writing(self) -> FileLock:
        """One writer at a time."""
        return FileLock(self.folder / LOCK)

    @contextmanager
    def claimed(self, case: str, patience: float = 0.0) -> Generator[bool, None, None]:
        """Whether the case is ours for the length of the ``with``, after waiting for so many seconds."""
        lock = FileLock(self.folder / CLAIMS / f"{case}.lock", timeout=patience)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            self.refresh()
            yield True
        finally:
            with suppress(OSError):  # some systems do not remove what is open
                Path(lock.lock_file).unlink()
            lock.release()

    def others(self, rows: Iterable[Line]) -> int:
        """How many lines were made of the same methods by another version of the code or the model."""
        known = {row_key(row) for row in rows}
        methods = {row["method"] for row in rows}
        return sum(line["method"] in methods and row not in known for (_, row), line in self.lines.items())
