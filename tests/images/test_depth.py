from typing import Any

import numpy as np
import pytest

from overpaint.images.depth import Odd, eight


@pytest.mark.parametrize(
    ("numbers", "bits", "wanted"),
    [
        (np.array([0, 128, 129, 257, 65535], np.uint16), 16, [0, 0, 1, 1, 255]),
        (np.array([0, 2048, 4095], np.uint16), 12, [0, 128, 255]),
        (np.array([0, 2**31, 2**32 - 1], np.uint32), 32, [0, 128, 255]),
        (np.array([0.0, 0.5, 1.0], np.float32), 32, [0, 128, 255]),
    ],
)
def test_numbers_that_say_their_range_are_spread_over_it(numbers: Any, bits: int, wanted: list[int]) -> None:
    assert eight(numbers, bits)[0].tolist() == wanted and eight(numbers, bits)[1] is None


@pytest.mark.parametrize(
    ("numbers", "bits", "white", "wanted"),
    [
        (np.array([0, 100, 200], np.int32), 32, 255, [0, 100, 200]),
        (np.array([0, 100, 200], np.uint32), 32, 255, [0, 100, 200]),
        (np.array([0, 65535], np.int32), 32, 65535, [0, 255]),
        (np.array([0, 32767], np.int16), 16, 32767, [0, 255]),
    ],
)
def test_a_guess_is_said(numbers: Any, bits: int, white: int, wanted: list[int]) -> None:
    levels, note = eight(numbers, bits)
    assert levels.tolist() == wanted
    assert note is not None and f"so {white} was taken" in note


@pytest.mark.parametrize(
    "numbers",
    [
        np.array([-1, 5], np.int32),
        np.array([0, 70_000], np.int32),
        np.array([0, 1.5]),
        np.array([-0.1, 0.5]),
        np.array([0, np.nan]),
        np.array([0, np.inf]),
    ],
)
def test_what_nobody_can_know_is_refused(numbers: Any) -> None:
    with pytest.raises(Odd, match=r"(not known|no numbers).*\.$"):
        eight(numbers, 32)


def test_a_range_that_is_said_holds_where_the_numbers_have_none() -> None:
    assert eight(np.array([-100, 0, 100], np.int16), 16, (-100.0, 100.0))[0].tolist() == [0, 128, 255]
    assert eight(np.array([0.0, 200.0]), 32, (0.0, 200.0))[0].tolist() == [0, 255]
    assert eight(np.array([0.0, 0.5]), 32, (0.0, 0.5))[0].tolist() == [0, 128]  # from 0 to 1 as everywhere
    with pytest.raises(Odd):
        eight(np.array([-101, 100], np.int16), 16, (-100.0, 100.0))


def test_nothing_but_zero_and_one_stays_so() -> None:
    for kind in (np.uint16, np.int32, np.uint32):
        assert eight(np.array([0, 1], kind), 16)[0].tolist() == [0, 1]
    assert eight(np.array([0, 1], np.uint8), 1)[0].tolist() == [0, 255]
    assert eight(np.array([0, 1], np.uint8), 2)[0].tolist() == [0, 85]
    assert eight(np.array([0.0, 1.0]), 32)[0].tolist() == [0, 255]
