"""Numbers of any depth as eight bits: what is black and what is white is taken from what the file says.

Integers say it by their bits. Floating-point numbers go from 0 to 1 by custom. Where nothing says it, a guess
is told, and where every guess may be wrong the numbers are refused.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray

Numbers = NDArray[Any]
"""Integers or floating-point numbers of any width."""
Levels = UInt8[NDArray[np.uint8], "..."]
HABITS = (255, 65535)
"""What is white, most likely, where integers are wider than their values."""
WIDE = 32
"""Integers of so many bits are containers more often than they are measurements of that depth."""
TABLED = 16
"""Bits of numbers that are few enough to be converted once each."""
BAND = 2**22
"""Numbers that are converted at a time: wide ones need memory."""


class Odd(ValueError):
    """Pixels that cannot be understood; the message goes on from the name of the file."""


@dataclass(frozen=True)
class Range:
    """The numbers that stand for black and for white, and what had to be guessed about them."""

    black: float
    white: float
    note: str | None = None


def range_of(numbers: Numbers, bits: int, said: tuple[float, float] | None = None) -> Range:
    """Which numbers are black and white; ``said`` is what the file tells where its numbers do not.

    Raises:
        Odd: nobody knows.
    """
    least, most = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
    if numbers.dtype.kind == "f":
        return range_of_reals(least, most, said)
    if numbers.dtype.kind != "i" and (bits < WIDE or most > HABITS[-1]):
        return Range(0.0, 2.0**bits - 1)
    if numbers.dtype.kind == "i" and said is not None and said[0] <= least and most <= said[1]:
        return Range(*said)
    habits = (*HABITS, 2 ** (bits - 1) - 1) if bits < WIDE else HABITS
    white = next((one for one in sorted(habits) if most <= one), None)
    if least < 0 or white is None:
        raise unknown(least, most)
    return Range(0.0, float(white), f"its numbers do not say what is white, so {white} was taken for it")


def range_of_reals(least: float, most: float, said: tuple[float, float] | None) -> Range:
    """The same for floating-point numbers."""
    if not (np.isfinite(least) and np.isfinite(most)):
        raise Odd("holds values that are no numbers; save it without them.")
    if least >= 0 and most <= 1:
        return Range(0.0, 1.0)
    if said is not None and said[0] <= least and most <= said[1] and said[0] < said[1]:
        return Range(*said)
    raise unknown(least, most)


def unknown(least: float, most: float) -> Odd:
    """The error for numbers between which black and white lie somewhere."""
    return Odd(
        f"holds numbers from {least:g} to {most:g}, whose range is not known; save it with 8 or 16 bits a "
        "channel, or as floating-point numbers from 0 to 1."
    )


def eight(numbers: Numbers, bits: int, said: tuple[float, float] | None = None) -> tuple[Levels, str | None]:
    """The numbers rounded to 0 to 255, and a note where their range was guessed.

    Integers that are all 0 or 1 stay so: as a picture they are black either way, and a mask means them.

    Raises:
        Odd: their range is not known.
    """
    if numbers.dtype.kind in "ui" and bits > 8 and numbers.size and numbers.min() >= 0 and numbers.max() <= 1:
        return numbers.astype(np.uint8), None
    found = range_of(numbers, bits, said)
    if numbers.dtype.kind == "u" and bits <= TABLED:
        return spread(np.arange(2**bits, dtype=np.uint32), found)[numbers], found.note
    flat = np.ascontiguousarray(numbers).reshape(-1)
    levels = np.empty(flat.shape, np.uint8)
    for start in range(0, flat.size, BAND):
        levels[start : start + BAND] = spread(flat[start : start + BAND], found)
    return levels.reshape(numbers.shape), found.note


def spread(numbers: Numbers, found: Range) -> Levels:
    """The numbers from black to white as 0 to 255."""
    share = (numbers.astype(np.float64) - found.black) / (found.white - found.black)
    return np.floor(share * 255 + 0.5).astype(np.uint8)
