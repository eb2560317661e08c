"""Text for terminals: nothing a file or a prompt holds may steer one, and none of it is worth a failure.

Work that is done stays done if nobody hears of it: an answer that standard output does not take, because it
is closed, full, or its reader has gone, changes neither the exit code nor the files.
"""

import io
import os
import sys
from typing import Any

import click

from overpaint.errors import UsageError
from overpaint.files.times import spoken

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}


def shown(text: str) -> str:
    """The text with everything that does not print written as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def one_line(text: str) -> str:
    """The same on one line."""
    return shown(" ".join(text.split()))


def say(text: str) -> None:
    """A sentence for the person at the keyboard, apart from what programs read."""
    click.echo(one_line(text), err=True)


class Forgiving(io.RawIOBase):
    """A stream that takes whatever it is given; ``lost`` says that it did not reach anybody."""

    def __init__(self, raw: io.RawIOBase | None) -> None:
        self.raw = raw
        self.lost = raw is None

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Whether a terminal is behind it."""
        return self.raw is not None and self.raw.isatty()

    def fileno(self) -> int:
        """The number of the file behind it."""
        if self.raw is None:
            raise io.UnsupportedOperation("fileno")
        return self.raw.fileno()

    def write(self, data: Any, /) -> int | None:
        """Pass it on, as long as somebody takes it."""
        if self.raw is not None and not self.lost:
            try:
                return self.raw.write(data)
            except OSError:
                self.lost = True
        return len(data)


def resolve() -> None:
    """Make the streams fit to be written to, also where one is closed, full, or left by its reader.

    No file that is opened takes the number of a closed stream, and letters that a stream cannot spell are
    written as escapes.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free: this one
    sys.stdout, sys.stderr = forgiving(sys.stdout), forgiving(sys.stderr)


def forgiving(stream: Any) -> io.TextIOWrapper:
    """The same stream, or one to nowhere, that never fails."""
    raw = (
        None if stream is None else getattr(stream.buffer, "raw", stream.buffer)
    )  # without one if unbuffered
    encoding = "utf-8" if stream is None else stream.encoding
    by_line = stream is not None and stream.line_buffering
    buffer = io.BufferedWriter(Forgiving(raw))
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=by_line)


def heard() -> bool:
    """Whether standard output has taken what it was given so far."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return not (isinstance(raw, Forgiving) and raw.lost)


def duration(seconds: float) -> str:
    """A time for people."""
    return spoken(seconds)


def interactive() -> bool:
    """Whether somebody watches what is said."""
    return sys.stderr.isatty()


def coloured() -> bool:
    """Whether an answer may have colours: on a terminal that has them, unless somebody asked for none."""
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", "unknown")
    return not plain and sys.stdout.isatty()


def number(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """What a limit says: a whole number, also with a unit such as 200M or 1.5G."""
    if value is None:
        return None
    text = value.strip().upper()
    unit = UNITS.get(text[-1:], 1)
    try:
        amount = int(float(text[:-1] if unit > 1 else text) * unit)
    except (ValueError, OverflowError):
        amount = 0
    if not 1 <= amount <= 10**15:
        raise UsageError(f"The limit {param.opts[0]} must be a number such as 200M, not {value[:40]!r}.")
    return amount
