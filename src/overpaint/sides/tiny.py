"""Tiny side networks of the real classes with deterministic weights, for `overpaint.families.tiny`."""

from dataclasses import replace
from typing import Any, cast

import torch

from overpaint.families.fused import BUILDING
from overpaint.families.tiny import fill
from overpaint.files.fingerprint import tensor_hash
from overpaint.model import Model
from overpaint.sides.fresh import fresh
from overpaint.sides.net import Net, config_of
from overpaint.sides.style_adapter import StyleNet


def tiny_controlnet(model: Model, gain: float = 1.0) -> Net:
    """A ControlNet for a tiny model that speaks at every place."""
    return _known(replace(fresh(model), name="tiny"), gain)


def tiny_adapter(model: Model, colours: int = 3, light: bool = False) -> Net:
    """A T2I-Adapter for a tiny model, of the type that its family takes."""
    from diffusers.models.adapter import T2IAdapter

    widths = list(config_of(model)["block_out_channels"])
    xl = config_of(model)["addition_embed_type"] is not None
    kind = "full_adapter_xl" if xl else "light_adapter" if light else "full_adapter"
    with BUILDING, torch.random.fork_rng(devices=[]):
        net = cast(Any, T2IAdapter)(
            in_channels=colours,
            channels=[*widths, widths[-1]] if xl else widths[:-1] if light else widths,
            num_res_blocks=1,
            downscale_factor=model.family.factor * (1 + xl),
            adapter_type=kind,
        )
    return _known(Net("t2i-adapter", net, "", model.family.factor, "tiny"), 1.0)


def tiny_style(model: Model, width: int = 16, questions: int = 3) -> Net:
    """A style adapter for a tiny model and what its CLIP sees."""
    net = StyleNet(width, int(config_of(model)["cross_attention_dim"]), questions, layers=2)
    return _known(
        Net("style-adapter", net.eval().requires_grad_(False), "", model.family.factor, "tiny"), 1.0
    )


def _known(net: Net, gain: float) -> Net:
    """The net with weights from a closed formula."""
    fill(net.module, gain)
    values = sorted(net.module.state_dict().items())
    return replace(net, fingerprint=tensor_hash(*(value for _, value in values)))
