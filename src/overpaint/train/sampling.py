"""Batched DDIM, forwards and backwards, for the figures of training; editing has its own walks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor
from transformers import CLIPTextModel

from overpaint.train.data import token_batch
from overpaint.train.nets import LATENT, Prediction, make_schedule
from overpaint.train.vae import decoded, encoded


@dataclass(frozen=True)
class Painter:
    """The trained parts together. `scale` multiplies the VAE's latents."""

    unet: UNet2DConditionModel
    vae: AutoencoderKL
    tower: CLIPTextModel
    scale: float
    prediction: Prediction = "v_prediction"

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.unet.parameters()).device

    @torch.no_grad()
    def paint(
        self, texts: Sequence[str], *, steps: int = 50, guidance: float = 4.0, seed: int = 0, chunk: int = 32
    ) -> Float[Tensor, "b 3 h w"]:
        """A picture for every sentence."""
        rng = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(texts), 4, LATENT, LATENT, generator=rng).to(self.device)
        parts = [
            self.decode(self.denoise(noise[k : k + chunk], texts[k : k + chunk], steps, guidance))
            for k in range(0, len(texts), chunk)
        ]
        return torch.cat(parts)

    @torch.no_grad()
    def denoise(
        self,
        x: Tensor,
        texts: Sequence[str],
        steps: int,
        guidance: float,
        beside: Float[Tensor, "rows extra h w"] | None = None,
    ) -> Tensor:
        """From noise to latents: DDIM (Song et al. 2021, arXiv 2010.02502) with classifier-free guidance.

        `beside` are further channels of the network: a mask, and a picture with a hole. Twice as many rows
        of them are those of the rows with a sentence, then those of the others.
        """
        levels = grid_of(steps)
        states = self._states(texts, guidance != 1)
        for t, before in zip(levels, [*levels[1:], None], strict=True):
            x = self._move(x, t, t, before, states, guidance, beside)
        return x

    @torch.no_grad()
    def invert(self, x: Tensor, texts: Sequence[str], steps: int) -> Tensor:
        """From latents to noise: the same steps backwards, at guidance 1."""
        levels = grid_of(steps)
        states = self._states(texts, False)
        for before, t in zip([None, *levels[:0:-1]], levels[::-1], strict=True):
            x = self._move(x, t, before, t, states, 1.0)
        return x

    @torch.no_grad()
    def encode(self, pictures: Float[Tensor, "b 3 h w"]) -> Tensor:
        """Scaled mode of the latents of pictures in [0, 1]."""
        parts = [encoded(self.vae, pictures[k : k + 8])[0] for k in range(0, len(pictures), 8)]
        return torch.cat(parts) * self.scale

    @torch.no_grad()
    def decode(self, x: Tensor) -> Float[Tensor, "b 3 h w"]:
        """Pictures in [0, 1] of scaled latents."""
        return torch.cat([decoded(self.vae, x[k : k + 8] / self.scale) for k in range(0, len(x), 8)])

    def _states(self, texts: Sequence[str], guided: bool) -> Tensor:
        both = [*texts, *([""] * len(texts) if guided else [])]
        return self.tower(input_ids=token_batch(both).to(self.device)).last_hidden_state

    def _move(
        self,
        x: Tensor,
        t: int,
        start: int | None,
        end: int | None,
        states: Tensor,
        guidance: float,
        beside: Tensor | None = None,
    ) -> Tensor:
        """Ask the network at level `t` about a latent of level `start` and put the answer on level `end`."""
        rows = len(states) // len(x)
        shown = torch.cat([x] * rows)
        if beside is not None:
            shown = torch.cat([shown, torch.cat([beside] * (len(shown) // len(beside)))], 1)
        out = self.unet(shown, torch.tensor(t, device=x.device), states).sample
        if rows == 2:
            with_text, without = out.chunk(2)
            out = without + guidance * (with_text - without)
        a, s = level_of(t)
        eps = out if self.prediction == "epsilon" else s * x + a * out
        a, s = level_of(start)
        x0 = (x - s * eps) / a
        a, s = level_of(end)
        return a * x0 + s * eps


def level_of(t: int | None) -> tuple[float, float]:
    """Shares of picture and noise at a level; nothing is the cleanest."""
    at = float(make_schedule().alphas_cumprod[0 if t is None else t])
    return at**0.5, (1 - at) ** 0.5


def grid_of(steps: int) -> list[int]:
    """Stable Diffusion's levels: every 1000 // steps, shifted by one, noise first."""
    return [k * (1000 // steps) + 1 for k in range(steps)][::-1]
