"""Previews: what a latent will look like, without the decoder.

The pictures of an autoencoder of Stable Diffusion are, at the size of its latents, close to a linear
function of the channels. The function is fitted once for each model on a few small pictures; applying it
costs a matrix product.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from overpaint.images import Picture, from_tensor
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.path import Latent

PICTURES = 8
SIDE = 8
"""Cells along a side of the latents the function is fitted on."""


@dataclass(frozen=True)
class Preview:
    """Colours as a linear function of the channels of a latent."""

    weights: Float[Tensor, "channels_and_one 3"]

    @staticmethod
    def fit(model: Model) -> "Preview":
        """Decode a few small latents and fit their colours by least squares."""
        family = model.family
        with model.lock, torch.no_grad():
            soft = Noise(0).normal((PICTURES, 3, 3, 3), "preview")
            side = SIDE * family.factor
            pixels = interpolate(soft, (side, side), mode="bilinear").clamp(-1, 1).to(model.device)
            latents = family.encode(pixels)
            decoded = family.decode(latents)
        colours = avg_pool2d(decoded, family.factor).movedim(1, -1).reshape(-1, 3)
        return Preview(torch.pinverse(columns(latents).cpu()) @ colours.cpu())

    def colours(self, latents: Latent) -> Float[Tensor, "1 3 h w"]:
        """The picture at the size of the latents, in [-1, 1]."""
        flat = columns(latents.detach().cpu().float()) @ self.weights
        return flat.view(*latents.shape[-2:], 3).movedim(-1, 0)[None].clamp(-1, 1)

    def picture(self, latents: Latent, factor: int) -> Picture:
        """The preview enlarged to the size of the picture it stands for."""
        return from_tensor(interpolate(self.colours(latents), scale_factor=float(factor), mode="bilinear"))


def columns(latents: Float[Tensor, "n channels h w"]) -> Float[Tensor, "cells channels_and_one"]:
    """Every cell as a row of its channels and a one for the offset."""
    flat = latents.movedim(1, -1).reshape(-1, latents.shape[1])
    return torch.cat([flat, torch.ones_like(flat[:, :1])], 1)
