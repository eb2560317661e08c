"""A network that reads further channels beside its latent: its first convolution, widened."""

from typing import Any, cast

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from jaxtyping import Float
from torch import Tensor, nn

New = Float[Tensor, "outputs extra 3 3"]
"""What the first convolution makes of the further channels."""


def widen(net: UNet2DConditionModel, extra: int, weights: New | None = None) -> None:
    """Let a network read so many channels more, behind those it reads, in place.

    Without weights of their own they change nothing at first: zeros, as the inpainting network of Stable
    Diffusion began.
    """
    old = net.conv_in
    new = weights if weights is not None else old.weight.new_zeros(len(old.weight), extra, *old.kernel_size)
    wide = nn.Conv2d(old.in_channels + extra, old.out_channels, 3, padding=1)
    wide.to(old.weight)
    with torch.no_grad():
        wide.weight.copy_(torch.cat([old.weight, new.to(old.weight)], 1))
        cast(Tensor, wide.bias).copy_(cast(Tensor, old.bias))
    net.conv_in = wide
    cast(Any, net).register_to_config(in_channels=wide.in_channels)


def narrow(net: UNet2DConditionModel, channels: int) -> tuple[Tensor, New]:
    """The first convolution's weights, taken apart: for the first so many channels, and for the others."""
    weight = net.conv_in.weight.detach()
    return weight[:, :channels], weight[:, channels:]
