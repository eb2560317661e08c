"""The colours by which maps of what is where tell the names of Still Life apart."""

from __future__ import annotations

from overpaint.images import Picture, from_tensor
from overpaint.sides.palette import Palette
from overpaint.stilllife.scene import Scene
from overpaint.stilllife.truth import truth

PALETTE = Palette(
    {
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
)
"""In the order of `overpaint.stilllife.truth.NAMES`."""


def mapped(scene: Scene) -> Picture:
    """What is where in a scene, as a map that a person could have painted."""
    return from_tensor(PALETTE.painted(truth([scene]).segments) * 2 - 1)
