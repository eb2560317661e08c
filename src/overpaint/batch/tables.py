"""Tables of pictures: CSV, JSON lines and Parquet, a row at a time, however long they are.

A row that cannot be read is a row with a problem; a table that is none is one sentence.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import Any, cast

from overpaint.batch.place import is_far, reached
from overpaint.batch.row import IMAGE
from overpaint.errors import UsageError
from overpaint.near import near

Cells = Mapping[str, Any]
Line = tuple[int, Cells | str]
"""The number of a line, and what it says, or what is wrong with it."""
SEPARATORS = ",;\t"
AT_ONCE = 512
"""Rows of a Parquet file that are held at a time."""
LONGEST = 1_000_000
"""Letters of a line of JSON."""


@dataclass(frozen=True)
class Table:
    """The columns of a table, or nothing where each row says its own, and its rows."""

    columns: tuple[str, ...] | None
    lines: Iterator[Line]


def csv_table(address: str) -> Table:
    """A table of values with commas, semicolons or tabs between them, whose first line names the columns.

    Raises:
        UsageError: it cannot be read, or its first line names no column ``image``.
    """
    lines = text_of(address)
    first = next((line for line in lines if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    columns = [name.strip() for name in next(csv.reader([first], delimiter=separator), list[str]())]
    check_columns(columns, address, "Its first line must name the columns, as in: image,source,target")
    return Table(tuple(columns), csv_lines(csv.reader(lines, delimiter=separator), columns))


def csv_lines(reader: Any, columns: Sequence[str]) -> Iterator[Line]:
    """The rows below the first line."""
    while True:
        try:
            values = cast("list[str]", next(reader))
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num + 1, f"It is no row of a table ({error})."
            continue
        number = reader.line_num + 1
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(columns):
            yield number, f"It has {len(values)} cells, and the first line names {len(columns)}."
        elif any("\udc80" <= letter <= "\udcff" for value in values for letter in value):
            yield number, "It holds bytes that are no text; write the table in UTF-8."
        else:
            yield number, dict(zip(columns, (value.strip() for value in values), strict=True))


def json_table(address: str) -> Table:
    """A file of JSON objects, one a line; each says its own columns."""
    return Table(None, json_lines(text_of(address)))


def json_lines(lines: Iterator[str]) -> Iterator[Line]:
    """What each line says."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            if len(line) > LONGEST:
                raise ValueError(f"more than {LONGEST} letters")
            cells: object = json.loads(line, parse_constant=refused)
        except (ValueError, RecursionError) as error:
            yield number, f"It is no JSON object ({error})."
            continue
        if isinstance(cells, dict):
            yield number, {str(name): value for name, value in cast(dict[Any, Any], cells).items()}
        else:
            yield number, f'It is {type(cells).__name__}, not an object such as {{"image": "cat.png"}}.'


def refused(name: str) -> object:
    """What stands in for numbers that are none."""
    raise ValueError(f"{name} is no number")


def parquet_table(address: str) -> Table:
    """A Parquet file, a few rows at a time.

    Raises:
        UsageError: pyarrow is not installed, it is no Parquet file, or has no column ``image``.
    """
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError:
        raise UsageError(
            "Reading Parquet needs pyarrow; install it with: pip install 'overpaint[batch]'"
        ) from None
    stack = ExitStack()
    try:
        if is_far(address):
            files, path = stack.enter_context(reached(address))
            file = parquet.ParquetFile(stack.enter_context(files.open(path, "rb")))
        else:
            file = parquet.ParquetFile(address)
        columns = [str(name) for name in file.schema_arrow.names]
    except UsageError:
        raise
    except Exception as error:  # a damaged file fails in many ways
        said = " ".join(str(error).split())[:160]
        raise UsageError(f"{address} cannot be read as Parquet ({said}).") from None
    check_columns(columns, address, "It needs one, with the names of the pictures")
    return Table(tuple(columns), parquet_lines(file, stack))


def parquet_lines(file: Any, stack: ExitStack) -> Iterator[Line]:
    """Its rows as plain values."""
    number = 0
    with stack:
        for batch in file.iter_batches(batch_size=AT_ONCE):
            for cells in batch.to_pylist():
                number += 1
                yield number, cells


TABLES: Mapping[str, Callable[[str], Table]] = {
    ".csv": csv_table,
    ".tsv": csv_table,
    ".jsonl": json_table,
    ".ndjson": json_table,
    ".parquet": parquet_table,
}


def check_columns(columns: Sequence[str], address: str, hint: str) -> None:
    """Refuse a table without a column of pictures, or with two of one name.

    Raises:
        UsageError: it is one.
    """
    if IMAGE not in columns:
        meant = near(IMAGE, columns)
        also = "" if meant is None else f" (is {meant!r} it?)"
        raise UsageError(f"{address} has no column {IMAGE!r}{also}. {hint}.")
    twice = next((name for k, name in enumerate(columns) if name in columns[:k]), None)
    if twice is not None:
        raise UsageError(f"{address} has two columns {twice!r}; rename one.")


def text_of(address: str) -> Iterator[str]:
    """The lines of a text, bytes that are none kept apart so that they can be told.

    Raises:
        UsageError: it cannot be read.
    """
    lines = opened(address)
    try:
        first = next(lines, "")
    except (OSError, ValueError) as error:
        raise UsageError(f"{address} cannot be read ({error}); check its name and rights.") from None
    return chain([first.removeprefix("\ufeff")], lines)


def opened(address: str) -> Iterator[str]:
    """The lines of a file, wherever it is."""
    if not is_far(address):
        with Path(address).open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            yield from file
        return
    with reached(address) as (files, path), files.open(path, "rb") as raw:
        file = TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape", newline="")
        yield from file
