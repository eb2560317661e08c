"""Masks as PIE-Bench writes them: runs over the pixels, row by row, each a beginning and a length."""

from collections.abc import Sequence

import numpy as np

from overpaint.bench.case import Region
from overpaint.errors import UsageError


def decoded(runs: Sequence[int], size: tuple[int, int]) -> Region:
    """Where a picture may change; a run that goes past the end stops there, and the border always may."""
    height, width = size
    flat = np.zeros(height * width, dtype=np.bool_)
    for start, length in zip(runs[::2], runs[1::2], strict=True):
        flat[start : start + length] = True
    region = flat.reshape(height, width)
    region[0], region[-1], region[:, 0], region[:, -1] = True, True, True, True
    return region


def check(runs: Sequence[int], size: tuple[int, int]) -> None:
    """Refuse runs of a larger picture: those of the published files are off by a few pixels at most.

    Raises:
        UsageError: a run begins more than a row behind the end.
    """
    pixels, last = size[0] * size[1], max(runs[::2], default=0)
    if last >= pixels + size[1]:
        raise UsageError(
            f"Its mask begins a run at pixel {last} of a picture of {pixels}; the two do not belong together."
        )


def encoded(region: Region) -> list[int]:
    """The runs of a region."""
    flat = np.concatenate([[False], region.reshape(-1), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    return [int(n) for a, b in zip(edges[::2], edges[1::2], strict=True) for n in (a, b - a)]
