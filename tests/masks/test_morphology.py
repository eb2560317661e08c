import torch
from tests.kit import draw

from overpaint.masks import dilate, resized


def test_dilate_takes_the_largest_neighbour() -> None:
    mask = torch.zeros(5, 6)
    mask[2, 3] = 1
    grown = torch.zeros(5, 6)
    grown[1:4, 2:5] = 1
    assert torch.equal(dilate(mask), grown)
    assert torch.equal(dilate(mask, 5), dilate(grown))


def test_dilate_at_the_border_and_below_zero() -> None:
    mask = -draw(4, 4).abs() - 1
    assert float(dilate(mask).max()) == float(mask.max()), "the padding is no neighbour"
    assert torch.equal(dilate(mask, 1), mask)


def test_resized_repeats_and_drops_cells() -> None:
    mask = draw(3, 2)
    larger = mask.repeat_interleave(4, 0).repeat_interleave(2, 1)
    assert torch.equal(resized(mask, 12, 4), larger)
    assert torch.equal(resized(larger, 3, 2), mask)
