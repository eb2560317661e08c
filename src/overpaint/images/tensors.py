"""Pictures as tensors for the networks, and back."""

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.images.picture import Picture


def to_tensor(picture: Picture) -> Float[Tensor, "1 3 h w"]:
    """The colours in [-1, 1], float32; transparency is left out."""
    return torch.tensor(picture.rgb).permute(2, 0, 1)[None].float() / 127.5 - 1


def from_tensor(pixels: Float[Tensor, "1 3 h w"]) -> Picture:
    """The inverse of `to_tensor`: exact for its results, clipped and rounded for anything else."""
    levels = ((pixels[0].detach().cpu().float() + 1) * 127.5).round().clamp(0, 255)
    return Picture(levels.permute(1, 2, 0).to(torch.uint8).contiguous().numpy())
