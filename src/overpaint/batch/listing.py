"""What there is to edit: a folder, a glob, a table or a list of names, as rows that are read when they are
wanted.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from overpaint.batch.place import Found, checked, files_in, is_far, reached, stamp_in
from overpaint.batch.row import IMAGE, Row
from overpaint.batch.tables import TABLES, Table
from overpaint.errors import UsageError

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
"""Ends of names that pictures have."""
MAGIC = re.compile(r"[*?\[]")
NAMES = "-"
"""The input that stands for names on standard input."""


@dataclass(frozen=True)
class Listing:
    """The rows of an input, in their order."""

    rows: Iterator[Row]
    columns: tuple[str, ...] | None = ()
    """The columns of all rows; nothing where each row says its own."""
    folder: str | None = None
    """The folder that is read, if one is: nothing may be written into it."""


def listed(said: str, names: Iterable[str] = ()) -> Listing:
    """The rows of an input; ``names`` are the lines of standard input.

    Raises:
        UsageError: there is nothing there, or nothing that is a picture or a table of them.
    """
    if said == NAMES:
        return Listing(named(names))
    address = checked(said)
    suffix = PurePosixPath(address).suffix.lower()
    if suffix in TABLES and not MAGIC.search(address):
        check_there(address)
        return in_table(TABLES[suffix](address), address)
    if MAGIC.search(address) and not os.path.isdir(address):
        return Listing(first_of(matching(address), f"No picture matches {said}; put the glob in quotes."))
    if not is_far(address):
        check_there(address)
        if not os.path.isdir(address):
            kinds = ", ".join(TABLES)
            raise UsageError(
                f"{address} is neither a folder nor a table ({kinds}); overpaint edit takes one picture."
            )
    found = (
        Row(k, one.address, inside(one, address), one.stamp) for k, one in enumerate(pictures(address), 1)
    )
    return Listing(first_of(found, f"There are no pictures in {said}."), folder=address)


def check_input(said: str) -> None:
    """Refuse an input that is not there, before anything that takes time.

    Raises:
        UsageError: it is not, or may not be opened.
    """
    if said != NAMES and not MAGIC.search(said):
        check_there(checked(said))


def check_there(address: str) -> None:
    """Refuse a file or folder on disk that is not there.

    Raises:
        UsageError: it is not.
    """
    if not is_far(address) and not os.path.exists(address):
        raise UsageError(f"There is no {address}; name a folder, a glob in quotes, a table, or - for names.")


def first_of(rows: Iterable[Row], sentence: str) -> Iterator[Row]:
    """The rows, if there is one.

    Raises:
        UsageError: there is none.
    """
    several = iter(rows)
    first = next(several, None)
    if first is None:
        raise UsageError(sentence)

    def all_of() -> Iterator[Row]:
        yield first
        yield from several

    return all_of()


def pictures(address: str) -> Iterator[Found]:
    """The files of a folder that are named like pictures."""
    return (one for one in files_in(address) if PurePosixPath(one.address).suffix.lower() in PICTURES)


def inside(found: Found, folder: str) -> str:
    """The name of a file within a folder, with ``/`` between folders."""
    if is_far(folder):
        return found.address.removeprefix(folder).lstrip("/")
    return Path(os.path.relpath(found.address, folder)).as_posix()


def matching(address: str) -> Iterator[Row]:
    """The pictures that a glob names; they are named within the folder before its first sign."""
    found = sorted(globbed(address), key=lambda one: one.address)
    root = root_of(address)
    kept = (one for one in found if PurePosixPath(one.address).suffix.lower() in PICTURES)
    return (Row(k, one.address, inside(one, root), one.stamp) for k, one in enumerate(kept, 1))


def root_of(address: str) -> str:
    """The folder that all names of a glob begin with."""
    sign = MAGIC.search(address)
    before = address if sign is None else address[: sign.start()]
    return before.rpartition("/")[0] or "/"


def globbed(address: str) -> Iterator[Found]:
    """The files that a glob names."""
    if is_far(address):
        with reached(address) as (files, path):
            kind, found = address.partition("://")[0], files.glob(path, detail=True)
        for one, told in found.items():
            if told.get("type") == "file":
                yield Found(f"{kind}://{one.lstrip('/')}", stamp_in(told))
        return
    root = Path(root_of(address))
    for one in root.glob(os.path.relpath(address, root)):
        if one.is_file():
            told = one.stat()
            yield Found(str(one), f"{told.st_size}-{told.st_mtime_ns}")


def named(names: Iterable[str]) -> Iterator[Row]:
    """Pictures by name, a line each."""
    for number, line in enumerate((line.rstrip("\r\n") for line in names), 1):
        if line.strip():
            yield placed(number, line, {}, os.getcwd())


def in_table(table: Table, address: str) -> Listing:
    """The rows of a table; names in it are seen from the folder it lies in."""
    folder = address.rpartition("/")[0] if is_far(address) else os.path.dirname(address)

    def rows() -> Iterator[Row]:
        for number, cells in table.lines:
            if isinstance(cells, str):
                yield Row(number, problem=cells)
                continue
            said = {name: value for name, value in cells.items() if value is not None and value != ""}
            image = said.pop(IMAGE, None)
            if not isinstance(image, str):
                problem = "It names no picture." if image is None else "Its picture is not a name."
                yield Row(number, cells=said, problem=problem)
            else:
                yield placed(number, image, said, folder)

    return Listing(rows(), table.columns)


def placed(number: int, image: str, cells: dict[str, object], folder: str) -> Row:
    """A row whose picture is named as seen from a folder."""
    try:
        address = seen_from(image, folder)
    except UsageError as error:
        return Row(number, cells=cells, problem=str(error))
    within = address.removeprefix(folder.rstrip("/") + "/") if address.startswith(folder) else ""
    return Row(number, address, within or PurePosixPath(address).name, cells=cells)


def seen_from(name: str, folder: str) -> str:
    """The address of a name in a table that lies in a folder.

    Raises:
        UsageError: it may not be opened.
    """
    if is_far(name) or os.path.isabs(os.path.expanduser(name)):
        return checked(name)
    if is_far(folder):
        if ".." in PurePosixPath(name).parts:
            raise UsageError(f"{name[:80]} leads out of the folder of the table.")
        return checked(f"{folder}/{name}")
    return checked(os.path.join(folder, name))
