"""Shapes of masks: growing them, and bringing them from one grid to another."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def dilate(mask: Float[Tensor, "height width"], size: int = 3) -> Float[Tensor, "height width"]:
    """Every cell becomes the largest of the ``size`` x ``size`` cells around it; ``size`` is odd."""
    return F.max_pool2d(mask[None], size, stride=1, padding=size // 2)[0]


def resized(mask: Float[Tensor, "height width"], height: int, width: int) -> Float[Tensor, "rows columns"]:
    """The mask on another grid, each cell taking the value of the nearest old one."""
    return F.interpolate(mask[None, None], (height, width), mode="nearest")[0, 0]
