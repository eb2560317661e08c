"""Shapes of masks: growing them, and bringing them from one grid to another."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def dilate(mask: Float[Tensor, "height width"], size: int = 3) -> Float[Tensor, "height width"]:
    """Every cell becomes the largest of the ``size`` x ``size`` cells around it; ``size`` is odd."""
    return F.max_pool2d(mask[None], size, stride=1, padding=size // 2)[0]


def shrinking(mask: Float[Tensor, "1 1 height width"], times: int) -> list[Float[Tensor, "1 1 height width"]]:
    """The mask grown ever less, by squares of ``2 * times + 1`` cells down to 3, then the mask itself.

    For thin things, which a latent's grid would lose at once (Avrahami et al., 2023, arXiv:2206.02779,
    section 4.3). Growing takes any cell that is not black for white; the mask itself keeps its greys.
    """
    white = (mask > 0).to(mask)
    grown = [F.max_pool2d(white, 2 * k + 1, stride=1, padding=k) for k in range(times, 0, -1)]
    return [*grown, mask]


def resized(mask: Float[Tensor, "height width"], height: int, width: int) -> Float[Tensor, "rows columns"]:
    """The mask on another grid, each cell taking the value of the nearest old one."""
    return F.interpolate(mask[None, None], (height, width), mode="nearest")[0, 0]
