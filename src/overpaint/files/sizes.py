"""Amounts of memory, said and read by people. Nothing here imports a library that takes time."""

import re
from collections.abc import Mapping

from overpaint.errors import UsageError

UNITS: Mapping[str, int] = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
}


def bytes_of(said: str | int) -> int:
    """``4GB``, ``800 MB``, ``2GiB`` or a number of bytes.

    Raises:
        UsageError: it is none of these.
    """
    found = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Z]{0,3})\s*", str(said))
    if found is None or found[2].upper() not in UNITS or float(found[1]) == 0:
        raise UsageError(f"{str(said)[:40]!r} is no amount of memory; write it as 4GB or 800MB.")
    return int(float(found[1]) * UNITS[found[2].upper()])


def amount(size: int) -> str:
    """Bytes as people write them."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{max(size / 1e6, 0.1):.3g} MB"
