"""A CLIP image tower that sees through noise: it reads a latent at any level, and is told the level.

Nichol et al., "GLIDE", ICML 2022, arXiv:2112.10741, section 2.4, train such a tower on noisy pictures. This
one is an ordinary vision transformer that reads the level as one more channel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize
from transformers import CLIPVisionModelWithProjection

from overpaint.families.load import hushed
from overpaint.path import Latent

PART = "noisy_image_encoder"
"""The folder of such a tower beside the other parts of a model."""
LEVELS = 1000


def with_level(x: Latent, t: Tensor) -> Float[Tensor, "rows more h w"]:
    """Latents with their training levels, from -1 to 1, as a further channel."""
    plane = (2 * t.to(x) / LEVELS - 1).reshape(-1, 1, 1, 1)
    return torch.cat([x, plane.expand(len(x), 1, *x.shape[2:])], 1)


@dataclass(frozen=True, eq=False)
class NoisyTower:
    """The tower of a model, with frozen weights; gradients flow to the latents."""

    vision: Any

    @staticmethod
    def load(home: Path, device: str | torch.device = "cpu") -> "NoisyTower | None":
        """The tower in a model's folder, in float32; nothing where there is none."""
        if not (home / PART).is_dir():
            return None
        with hushed():
            vision: Any = CLIPVisionModelWithProjection.from_pretrained(home / PART)
        return NoisyTower(vision.float().eval().requires_grad_(False).to(device))

    def through(self, x: Latent, t: Tensor) -> Float[Tensor, "rows features"]:
        """Vectors of length one."""
        seen = with_level(x.float(), t)
        bare = self.vision(pixel_values=seen, interpolate_pos_encoding=True).image_embeds
        return normalize(bare, dim=-1)
