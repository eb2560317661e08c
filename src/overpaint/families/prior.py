"""The prior: from what a sentence is in CLIP to what a picture of it is.

Both are vectors of one space, but lie apart in it; a network that was given vectors of pictures cannot make
much of those of sentences. Ramesh et al., "Hierarchical Text-Conditional Image Generation with CLIP Latents",
2022, arXiv:2204.06125, section 2.2: a diffusion over vectors, whose network says the vector itself.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.transformers.prior_transformer import PriorTransformer
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from overpaint.families.clip import ClipEye, ready
from overpaint.families.clip import beside as towers
from overpaint.families.load import hushed
from overpaint.meter import Meter
from overpaint.path import Schedule

FOLDER = "prior"
"""Of a prior, in that of a model."""
LEVELS, MOST = 1000, 0.999
"""Training levels, and the largest share of noise that one adds."""
BEYOND = 5.0
"""Beliefs are kept within so many standard deviations, as the published pipelines do."""
Drawn = Float[Tensor, "tries features"]


def cosine(levels: int = LEVELS) -> Float[Tensor, " levels"]:
    """``alpha_bar`` of the cosine schedule (Nichol and Dhariwal, 2021, arXiv:2102.09672, equation 17)."""

    def kept(share: float) -> float:
        return math.cos((share + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - kept((k + 1) / levels) / kept(k / levels), MOST) for k in range(levels)]
    return (1 - torch.tensor(betas, dtype=torch.float64)).cumprod(0)


@dataclass(frozen=True, eq=False)
class ClipPrior:
    """A prior and the CLIP whose vectors it gives."""

    net: Any
    eye: ClipEye

    @property
    def features(self) -> int:
        """Numbers of a vector."""
        return int(self.net.config.embedding_dim)

    def __call__(self, words: str, noise: Drawn, steps: int, meter: Meter) -> Drawn:
        """Vectors of pictures of the words, of length one, each from a draw; a row a step and draw."""
        said, states, mask = self.eye.words([words])
        told: dict[str, Any] = {
            "proj_embedding": said.expand(len(noise), -1),
            "encoder_hidden_states": states.expand(len(noise), -1, -1),
            "attention_mask": mask.expand(len(noise), -1),
        }
        path = Schedule(cosine(), "sample", to_one=True, spacing="trailing").path(steps)
        x = noise.to(said)[:, :, None, None]
        for i in range(steps):
            meter.tick("side", len(noise))
            found = self.net(x[:, :, 0, 0], path.t[i].to(x.device), **told).predicted_image_embedding
            believed = path.read(x, found.clamp(-BEYOND, BEYOND)[:, :, None, None], i)
            x = path.at(believed, i + 1).to(x)
        return normalize(self.net.post_process_latents(x[:, :, 0, 0]), dim=-1)


def beside(home: Path | None, device: torch.device) -> Callable[[], ClipPrior] | None:
    """What loads the prior of a model; nothing where its folder has none, or no CLIP."""
    open_eye = towers(home, device)
    if home is None or open_eye is None or not (home / FOLDER / "config.json").is_file():
        return None
    return lambda: load(home / FOLDER, open_eye())


def load(folder: Path, eye: ClipEye) -> ClipPrior:
    """The prior in a folder, in float32."""
    state = torch.random.get_rng_state()
    make: Any = PriorTransformer
    try:  # constructors draw weights before the stored ones replace them
        with hushed():
            net = make.from_pretrained(folder, local_files_only=True, use_safetensors=True)
    finally:
        torch.random.set_rng_state(state)
    return ClipPrior(ready(net.float(), eye.projection.device), eye)
