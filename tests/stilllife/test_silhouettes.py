"""Regions take the shape of what they are called."""

import numpy as np
import pytest

from overpaint.errors import UsageError
from overpaint.stilllife.scene import KINDS, Scene, Thing
from overpaint.stilllife.silhouettes import box_of, drawn, inside, reshaped
from overpaint.stilllife.truth import truth


def seen(kind: str) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where a thing of its own is in a picture of usual size."""
    return truth([Scene((Thing(kind, "blue", x=80.0, row=110.0, size="small"),))]).masks[0, 0].numpy()


@pytest.mark.parametrize("new", KINDS)
def test_what_a_ball_becomes_is_where_such_a_thing_would_stand(new: str) -> None:
    made, wanted = reshaped("ball", new, seen("ball")), seen(new)
    assert (made & wanted).sum() / (made | wanted).sum() > 0.85


def test_the_same_kind_keeps_its_region() -> None:
    own = seen("house")
    made = reshaped("house", "house", own)
    assert (made & own).sum() / (made | own).sum() > 0.9  # but for its border


def test_a_thing_fills_its_box() -> None:
    made = inside("cone", (10.0, 20.0, 30.0, 40.0), (128, 128))
    left, top, width, height = box_of(made)
    assert (left, width) == (10.0, 30.0) and top - 20 <= 1 and top + height == 60  # its tip is thin
    cut = inside("cone", (100.0, 20.0, 60.0, 40.0), (128, 128))
    assert box_of(cut)[0] == 100.0 and cut[:, -1].any()


def test_a_kind_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="no thing 'cat' in Still Life; choose one of ball"):
        drawn("cat")
