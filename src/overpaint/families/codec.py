"""Pictures to latents and back through a KL autoencoder."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from overpaint.errors import NotFinite
from overpaint.families.offload import Bring, stay
from overpaint.network import Pixels
from overpaint.out_of_memory import roomy, ways_out
from overpaint.path import Latent


def single(values: Tensor) -> Tensor:
    """In float32, or in float64 where they are that already: what stands outside of the networks."""
    return values if values.dtype == torch.float64 else values.float()


@dataclass(frozen=True)
class Codec:
    """An ``AutoencoderKL`` with its scaling; pictures in [-1, 1], latents in float32 of about unit size."""

    vae: Any
    bring: Bring = stay

    @property
    def factor(self) -> int:
        """Pixels per latent cell along a side."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def channels(self) -> int:
        """Channels of a latent."""
        return int(self.vae.config.latent_channels)

    def _stats(self, like: Tensor) -> tuple[Tensor | float, Tensor | float]:
        c = self.vae.config
        if c.get("latents_mean") is not None and c.get("latents_std") is not None:
            mean, std = (
                torch.tensor(c[k]).view(1, -1, 1, 1).to(like) for k in ("latents_mean", "latents_std")
            )
            return mean, c.scaling_factor / std
        return c.get("shift_factor") or 0.0, c.scaling_factor

    def encode(self, pixels: Pixels, noise: Latent | None = None) -> Latent:
        """The posterior mean, scaled (a sample would add noise that an inversion must then explain).

        With ``noise`` it is the sample that this standard normal draw makes, as published code takes it.

        Raises:
            NotFinite: the autoencoder gave values that are not numbers.
            OutOfMemory: the picture is too large for the device.
        """
        self.bring(self.vae)
        with self._roomy(pixels.shape[-2:]):
            found = self.vae.encode(pixels.to(self.vae.device, self.vae.dtype)).latent_dist
            mode = found.mode() if noise is None else found.mean + found.std * noise.to(found.mean)
        mode = single(mode)
        self._check(mode, "The encoded picture")
        shift, scale = self._stats(mode)
        return (mode - shift) * scale

    def decode(self, latents: Latent) -> Pixels:
        """Pictures, not clamped.

        Raises:
            NotFinite: the latents hold values that are not numbers, or the picture does.
            OutOfMemory: the picture is too large for the device.
        """
        if not torch.isfinite(latents).all():
            raise NotFinite(
                "The edit produced values that are not numbers; lower the guidance, or run in float32 if a "
                "half precision was chosen."
            )
        shift, scale = self._stats(latents)
        self.bring(self.vae)
        with self._roomy([n * self.factor for n in latents.shape[-2:]]):
            wide = (latents / scale + shift).to(self.vae.device, self.vae.dtype)
            pixels = single(self.vae.decode(wide).sample)
        self._check(pixels, "The decoded picture")
        return pixels

    def _roomy(self, size: Sequence[int]) -> AbstractContextManager[None]:
        """A picture cannot be taken apart as rows can: where it does not fit, that is said."""
        device, wide = self.vae.device, self.vae.config.force_upcast
        return roomy(
            f"The autoencoder ran out of the memory of the device {device} on a picture of {size[1]} x "
            f"{size[0]} pixels",
            ways_out(device, None if wide else self.vae.dtype, self.bring is not stay),
        )

    def _check(self, made: Tensor, what: str) -> None:
        if torch.isfinite(made).all():
            return
        if self.vae.dtype == torch.float16:
            cause = "the autoencoder overflows in float16; choose the type bfloat16 or float32"
        else:
            cause = "the autoencoder gave them, so its weights are damaged; try another model"
        raise NotFinite(f"{what} holds values that are not numbers: {cause}.")
