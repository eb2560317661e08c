"""What tests of comparisons share: a small picture, and what every one of them asks for."""

from typing import Any

import numpy as np
from tests.kit import shared

from overpaint.images import Picture

SOURCE, TARGET = "a photo of a cat", "a photo of a dog"


def small(side: int = 32) -> Picture:
    """A smooth picture."""
    y, x = np.mgrid[0:side, 0:side] / side
    return Picture((np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x * y)], -1) * 255).astype(np.uint8))


def asked(**more: Any) -> dict[str, Any]:
    """A quick comparison on the tiny model."""
    usual = {"source": SOURCE, "target": TARGET, "model": shared(), "methods": "sdedit,ddim,p2p"}
    return {**usual, "steps": 2, "check": False, **more}
