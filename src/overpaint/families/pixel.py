"""Networks that work on pixels: no autoencoder, no text; what is wished for comes from a guide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from diffusers.models.unets.unet_2d import UNet2DModel
from torch import Tensor, nn

from overpaint.attention import Site
from overpaint.families.sites import sites_of
from overpaint.network import Pixels, Residuals, Text
from overpaint.path import Latent, Schedule
from overpaint.words import Words


@dataclass(frozen=True)
class PixelFamily:
    """What an unconditional ``UNet2DModel`` needs around it: next to nothing. A latent is the picture."""

    schedule: Schedule
    side: int
    name: str = "pixel"
    channels: int = 3
    extra: int = 0
    factor: int = 1
    window: int = 77

    @property
    def parts(self) -> Mapping[str, Sequence[nn.Module]]:
        """None: it has no other networks."""
        return {}

    def call(self, net: nn.Module, x: Latent, t: Tensor, text: Text, more: Residuals) -> Latent:
        """The raw network output: the noise, and what it learned of the variance if it did."""
        dtype = next(net.parameters()).dtype
        return net(x.to(dtype), t, return_dict=False)[0]

    def sites(self, net: nn.Module) -> list[Site]:
        """Residual blocks alone: there is no text to look at."""
        if not isinstance(net, UNet2DModel):
            return []
        return [site for site in sites_of(net) if site.kind == "conv"]

    def text(self, prompt: str) -> Text:
        """Nothing that the network would read; guides still find the words."""
        words = tuple(prompt.split())
        return Text(torch.zeros(1, 1, 1), None, Words(prompt, words, ((),) * len(words), (), self.window))

    def vectors(self, word: str) -> list[Tensor]:
        """None: words reach no network."""
        return []

    def learned_text(self, prompt: str, vectors: Mapping[str, Sequence[Tensor]]) -> Text:
        """Nothing either."""
        return self.text(prompt)

    def null(self) -> Text:
        """Nothing either."""
        return self.text("")

    def encode(self, pixels: Pixels, noise: Latent | None = None) -> Latent:
        """The picture itself."""
        return pixels

    def decode(self, latents: Latent) -> Pixels:
        """The picture itself."""
        return latents
