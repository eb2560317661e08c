"""Maps are painted and read again."""

import torch

from overpaint.sides.palette import Palette
from overpaint.stilllife.palette import PALETTE
from overpaint.stilllife.truth import NAMES


def test_a_map_is_read_again_from_its_colours() -> None:
    segments = torch.randint(0, len(NAMES), (2, 8, 8), generator=torch.Generator().manual_seed(0))
    painted = PALETTE.painted(segments)
    soft = (painted + 0.03 * torch.randn(painted.shape, generator=torch.Generator().manual_seed(1))).clamp(
        0, 1
    )
    assert torch.equal(PALETTE.named(painted), segments) and torch.equal(PALETTE.named(soft), segments)


def test_the_names_of_still_life_are_those_of_its_truth_and_far_apart() -> None:
    assert PALETTE.names == NAMES
    colours = PALETTE.tensor() * 255
    apart = torch.cdist(colours, colours) + 1000 * torch.eye(len(colours))
    assert float(apart.min()) > 60


def test_an_order_of_its_own() -> None:
    assert Palette({"b": (0, 0, 0), "a": (1, 2, 3)}).names == ("b", "a")
