"""Files that are handed in open, or as their bytes: read within the same limits as those that are named."""

from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from overpaint.errors import UsageError
from overpaint.images.reading import Limits, too_long

Bytes = bytes | bytearray | memoryview
"""The content of a file."""
BYTES = "The file that was given as bytes"
"""What errors call it."""


@runtime_checkable
class Readable(Protocol):
    """An open file, or anything that is read like one: an upload, a response, `io.BytesIO`."""

    def read(self, size: int = ..., /) -> Any:
        """So many bytes, or all there are."""
        ...


def content(file: Readable, limits: Limits) -> bytes:
    """What is left to read of an open file, which is then put back where it was, if it can be.

    Raises:
        UsageError: it is closed, opened as text, read already, or larger than the limit.
    """
    name = named(file)
    try:
        before = where(file)
        data = file.read(limits.bytes + 1)
        if before is not None:
            file.seek(before)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    except (OSError, ValueError) as error:
        raise UsageError(f"{name} cannot be read ({error}); open it again.") from None
    if not isinstance(data, bytes | bytearray):
        raise UsageError(f"{name} gives {type(data).__name__} instead of bytes; open it with the mode 'rb'.")
    if not data:
        raise UsageError(f"{name} has nothing left to read; give it at its beginning, as after seek(0).")
    if len(data) > limits.bytes:
        raise too_long(name, limits)
    return bytes(data)


def where(file: Any) -> int | None:
    """The place an open file is at; nothing if it cannot be put back there."""
    try:
        return file.tell() if file.seekable() else None
    except AttributeError:
        return None


def named(file: object) -> str:
    """What errors call an open file."""
    name = getattr(file, "name", None)
    return name if isinstance(name, str) and name else "The open file"


def place_of(file: object) -> str | None:
    """Where an open file lies, if it lies somewhere under its name."""
    name = getattr(file, "name", None)
    try:
        there = isinstance(name, str) and Path(name).is_file()
    except (OSError, ValueError):
        return None
    return str(Path(name).absolute()) if there and isinstance(name, str) else None
