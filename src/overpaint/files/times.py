"""Times as people say them. Nothing here imports a library that takes time."""

import math
import re
from collections.abc import Mapping

from overpaint.errors import UsageError

UNITS: Mapping[str, float] = {"": 1, "s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600}


def seconds_of(said: str | float) -> float:
    """``60s``, ``5min``, ``1.5h`` or a number of seconds.

    Raises:
        UsageError: it is none of these.
    """
    found = re.fullmatch(r"\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]{0,3})\s*", str(said).lower())
    value = float(found[1]) * UNITS.get(found[2], math.nan) if found else math.nan
    if isinstance(said, int | float) and not isinstance(said, bool):
        value = float(said)
    if not value > 0:
        raise UsageError(f"{str(said)[:40]!r} is no time; write it as 60s, 5min or 1h.")
    return value


def spoken(seconds: float) -> str:
    """A time for people."""
    for unit, word in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * unit:
            return f"{seconds / unit:.1f} {word}"
    return f"{seconds:.1f} s"
