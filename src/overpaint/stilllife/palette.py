"""What is where in a picture as colours: one for every name, so that a map can be painted and read again."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Float, Int
from torch import Tensor

from overpaint.stilllife.truth import NAMES

Colour = tuple[int, int, int]
PALETTE: Mapping[str, Colour] = {
    "sky": (120, 180, 230),
    "ground": (110, 90, 60),
    "ball": (230, 30, 30),
    "cube": (30, 60, 230),
    "cone": (240, 220, 20),
    "cylinder": (20, 200, 60),
    "ring": (240, 140, 10),
    "house": (150, 20, 180),
    "tree": (0, 100, 30),
    "mushroom": (250, 130, 190),
    "snowman": (250, 250, 250),
}
"""Colours in bytes, in the order of `overpaint.stilllife.truth.NAMES`."""


def colours(device: torch.device | str = "cpu") -> Float[Tensor, "names 3"]:
    """The colours in [0, 1]."""
    return torch.tensor([PALETTE[name] for name in NAMES], device=device) / 255


def painted(segments: Int[Tensor, "b h w"]) -> Float[Tensor, "b 3 h w"]:
    """A map of indices of `NAMES` as colours in [0, 1]."""
    return colours(segments.device)[segments.long()].movedim(-1, 1).contiguous()


def named(picture: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b h w"]:
    """For every pixel the name whose colour is nearest: what `painted` gave, read again."""
    apart = torch.cdist(picture.movedim(1, -1).flatten(1, 2), colours(picture.device)[None])
    return apart.argmin(-1).view(len(picture), *picture.shape[-2:])
