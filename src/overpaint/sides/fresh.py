"""An untrained ControlNet: the copy of a model's own encoder that training begins with."""

import math
from typing import Any, cast

import torch

from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.sides.controlnet_file import built_like
from overpaint.sides.net import Net, building, config_of, filled

WIDTHS = (16, 32, 96, 256)
"""Widths of the encoder of the condition, as published for a factor of 8; coarser codecs need no more."""
SILENT = ("controlnet_cond_embedding.conv_out.", "controlnet_down_blocks.", "controlnet_mid_block.")
"""The convolutions that begin as zero."""
HINT = "controlnet_cond_embedding."


def fresh(model: Model) -> Net:
    """A side network that says nothing yet, for any condition.

    Encoder, middle and level embedding are the model's own; what leaves them, and what the encoder of the
    condition gives, goes through convolutions of zeros.

    Raises:
        UsageError: the model is none that side networks were made for.
    """
    from diffusers.models.controlnets.controlnet import ControlNetModel

    config_of(model)
    config = built_like(model, hint_widths(model.family.factor))
    with building():
        net = cast(Any, ControlNetModel).from_config(config)
    own, made = model.net.state_dict(), dict[str, Any]()
    for name, value in net.state_dict().items():
        if name.startswith(SILENT):
            made[name] = torch.zeros(value.shape)
        elif name.startswith(HINT):
            bias = value.ndim == 1
            made[name] = torch.zeros(value.shape) if bias else drawn(name, tuple(value.shape))
        else:  # an inpainting network reads more channels behind those of the latent
            made[name] = own[name][:, : value.shape[1]] if name == "conv_in.weight" else own[name]
    module = filled(net, made, "fresh", model)
    return Net("controlnet", module, f"fresh {model.fingerprint}", model.family.factor, "fresh")


def hint_widths(factor: int) -> tuple[int, ...]:
    """The widths for a codec that makes pictures so many times smaller."""
    halvings = int(math.log2(factor))
    return (*WIDTHS, *(WIDTHS[-1],) * halvings)[: halvings + 1]


def drawn(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Weights to begin with, the same everywhere."""
    return Noise(0).normal(shape, name) / math.sqrt(math.prod(shape[1:]))
