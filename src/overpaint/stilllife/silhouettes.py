"""The shapes of things as regions of a map: what a region looks like when it is called something else."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from overpaint.errors import UsageError
from overpaint.stilllife.scene import KINDS, Scene, Thing
from overpaint.stilllife.truth import truth

FINE = 512
"""Pixels a side of the drawing that shapes are taken from."""
Where = Bool[NDArray[np.bool_], "h w"]
Box = tuple[float, float, float, float]
"""Left, top, width, height."""


@lru_cache(maxsize=len(KINDS))
def drawn(kind: str) -> Where:
    """A large upright thing in the middle of a frame.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in KINDS:
        raise UsageError(f"There is no thing {kind!r} in Still Life; choose one of {', '.join(KINDS)}.")
    return truth([Scene((Thing(kind, "red"),))], FINE).masks[0, 0].numpy()


def box_of(where: Where) -> Box:
    """The rectangle around a region."""
    rows, columns = np.flatnonzero(where.any(1)), np.flatnonzero(where.any(0))
    left, top = float(columns[0]), float(rows[0])
    return left, top, float(columns[-1] + 1 - left), float(rows[-1] + 1 - top)


def reshaped(old: str, new: str, where: Where) -> Where:
    """The region that a thing of another kind would fill in the place of one."""
    return placed(new, box_of(drawn(old)), box_of(where), where.shape)


def inside(kind: str, box: Box, size: tuple[int, ...]) -> Where:
    """The region of a thing that fills a box."""
    return placed(kind, box_of(drawn(kind)), box, size)


def placed(kind: str, here: Box, there: Box, size: tuple[int, ...]) -> Where:
    """A drawn thing, moved and scaled as takes one box to another."""
    (x, y, width, height), (left, top, wide, high) = here, there
    height_, width_ = size
    rows = np.floor((np.arange(height_) + 0.5 - top) * height / high + y).astype(int)
    columns = np.floor((np.arange(width_) + 0.5 - left) * width / wide + x).astype(int)
    seen = drawn(kind)
    good_rows, good_columns = ((0 <= one) & (one < FINE) for one in (rows, columns))
    found = seen[np.clip(rows, 0, FINE - 1)][:, np.clip(columns, 0, FINE - 1)]
    return found & good_rows[:, None] & good_columns[None]
