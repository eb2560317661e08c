import numpy as np

from overpaint.bench.case import CHANGED, differing
from overpaint.images import Picture


def test_a_region_is_where_any_channel_truly_differs() -> None:
    one = np.full((4, 5, 3), 100, np.uint8)
    other = one.copy()
    other[1, 2, 1] += CHANGED
    other[3, 4, 2] -= CHANGED + 1
    region = differing(Picture(one), Picture(other))
    assert region.shape == (4, 5) and np.argwhere(region).tolist() == [[3, 4]]


def test_the_ends_of_the_range_do_not_wrap() -> None:
    black, white = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    assert differing(Picture(black), Picture(white)).all()
