"""The painter of regions, and what CLIP is shown of one."""

import torch
from tests.kit import draw, gap

from overpaint.masks.regions import BLACK, cropped, painted


def masks(*boxes: tuple[int, int, int, int]) -> torch.Tensor:
    found = torch.zeros(len(boxes), 6, 8)
    for k, (top, left, bottom, right) in enumerate(boxes):
        found[k, top:bottom, left:right] = 1
    return found


APART = masks((0, 0, 3, 3), (3, 4, 6, 8))
VECTORS = draw(2, 5)


def test_a_region_has_one_vector_of_unit_spread_and_what_is_in_none_is_zero() -> None:
    made = painted(VECTORS, APART)[0]
    inside = APART.bool()
    for k in range(2):
        own = made[:, inside[k]]
        assert gap(own, own[:, :1].expand_as(own)) == 0
        assert abs(float(own[:, 0].square().mean()) - 1) < 1e-5
    assert torch.equal(made.abs().sum(0) > 0, inside.any(0))


def test_the_length_of_vectors_says_nothing() -> None:
    assert gap(painted(7 * VECTORS, APART), painted(VECTORS, APART)) < 1e-5


def test_the_order_of_regions_that_lie_apart_says_nothing_and_of_others_the_later_wins() -> None:
    assert torch.equal(painted(VECTORS.flip(0), APART.flip(0)), painted(VECTORS, APART))
    over = masks((0, 0, 4, 4), (2, 2, 6, 8))
    made, last = painted(VECTORS, over)[0], painted(VECTORS[1:], over[1:])[0]
    assert torch.equal(made[:, 2:, 2:], last[:, 2:, 2:])
    assert not torch.equal(painted(VECTORS.flip(0), over.flip(0))[0], made)


def test_a_region_that_moves_takes_its_paint_along() -> None:
    moved = masks((1, 2, 4, 5), (4, 6, 6, 8))[:1]
    assert torch.equal(painted(VECTORS[:1], moved), painted(VECTORS[:1], APART[:1]).roll((1, 2), (2, 3)))


def test_a_crop_is_the_tightest_square_and_black_where_the_region_is_not() -> None:
    pixels, mask = draw(1, 3, 6, 8).tanh(), masks((1, 2, 5, 4))[None]
    mask[0, 0, 1, 2] = 0
    made = cropped(pixels, mask)
    assert made.shape == (1, 3, 4, 4)
    assert torch.equal(made[..., 1:, 1:3], pixels[..., 2:5, 2:4])
    assert bool((made[..., [0, 3]] == BLACK).all()) and bool((made[..., 0, 1] == BLACK).all())
    assert cropped(pixels, masks((0, 0, 6, 8))[None]).shape == (1, 3, 8, 8)
