"""An untrained ControlNet: the copy of a model's own encoder that training begins with."""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch

from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.sides.controlnet_file import built_like, started
from overpaint.sides.net import Net, building, config_of, filled

WIDTHS = (16, 32, 96, 256)
"""Widths of the encoder of the condition, as published for a factor of 8; coarser codecs need no more."""
SILENT = ("controlnet_cond_embedding.conv_out.", "controlnet_down_blocks.", "controlnet_mid_block.")
"""The convolutions that begin as zero."""
HINT = "controlnet_cond_embedding."
QUIET = 0.1
"""How loud the first layer of an adapter is to begin with."""


def fresh(model: Model, widths: Sequence[int] = ()) -> Net:
    """A side network that says nothing yet, for any condition.

    Encoder, middle and level embedding are the model's own; what leaves them, and what the encoder of the
    condition gives, goes through convolutions of zeros.

    Args:
        model: whose encoder it begins as.
        widths: of the encoder of the condition, one more than the codec halves a picture; none: as published.

    Raises:
        UsageError: the model is none that side networks were made for.
    """
    from diffusers.models.controlnets.controlnet import ControlNetModel

    config_of(model)
    config = built_like(model, widths or hint_widths(model.family.factor))
    with building():
        net = cast(Any, ControlNetModel).from_config(config)
    own, made = started(net, model), dict[str, Any]()
    for name, value in net.state_dict().items():
        if name.startswith(SILENT):
            made[name] = torch.zeros(value.shape)
        elif name.startswith(HINT):
            bias = value.ndim == 1
            made[name] = torch.zeros(value.shape) if bias else drawn(name, tuple(value.shape))
        else:
            made[name] = own[name]
    module = filled(net, made, "fresh", model)
    return Net("controlnet", module, f"fresh {model.fingerprint}", model.family.factor, "fresh")


def hint_widths(factor: int) -> tuple[int, ...]:
    """The widths for a codec that makes pictures so many times smaller."""
    halvings = int(math.log2(factor))
    return (*WIDTHS, *(WIDTHS[-1],) * halvings)[: halvings + 1]


def drawn(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Weights to begin with, the same everywhere."""
    return Noise(0).normal(shape, name) / math.sqrt(math.prod(shape[1:]))


def fresh_adapter(model: Model, colours: int = 3, light: bool = False, blocks: int = 2) -> Net:
    """An untrained T2I-Adapter of the type that a model takes; its first layer is quiet.

    Nothing in it begins as zero, so an adapter that was drawn at full size would disturb the model at first.

    Raises:
        UsageError: the model is none that side networks were made for.
    """
    from diffusers.models.adapter import T2IAdapter

    told = config_of(model)
    sizes, xl = list(told["block_out_channels"]), told["addition_embed_type"] is not None
    if light and sizes[-1] != sizes[-2]:
        raise UsageError(
            f"The light form ends with two maps of one width, and those of {model.name} are {sizes[-2]} and "
            f"{sizes[-1]} wide; train the full form."
        )
    kind = "full_adapter_xl" if xl else "light_adapter" if light else "full_adapter"
    with building():
        net = cast(Any, T2IAdapter)(
            in_channels=colours,
            channels=[*sizes, sizes[-1]] if xl else sizes[:-1] if light else sizes,
            num_res_blocks=blocks,
            downscale_factor=model.family.factor * (1 + xl),
            adapter_type=kind,
        )
    made = {name: begun(name, tuple(value.shape)) for name, value in net.state_dict().items()}
    module = filled(net, made, "fresh", model)
    return Net("t2i-adapter", module, f"fresh {colours} {kind}", model.family.factor, "fresh")


def begun(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A weight or a bias of an adapter to begin with."""
    quiet = QUIET if name in ("adapter.conv_in.weight", "adapter.body.0.in_conv.weight") else 1.0
    return torch.zeros(shape) if len(shape) == 1 else quiet * drawn(name, shape)
