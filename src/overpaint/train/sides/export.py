"""A trained side network as files: as diffusers has it, as first published, as its difference."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from overpaint.families.load import hushed
from overpaint.families.sgm import as_first
from overpaint.files import atomic
from overpaint.model import Model
from overpaint.sides.net import Net
from overpaint.train.assemble import write_json
from overpaint.train.sides.factors import difference, whole

FOLDER, ORIGINAL, SMALL, MODEL = "diffusers", "original.safetensors", "difference", "model"
WEIGHTS = "diffusion_pytorch_model.safetensors"
HINT = re.compile(r"controlnet_cond_embedding\.(conv_in|conv_out|blocks\.(\d+))\.(\w+)")


def exported(
    net: Net, model: Model, home: Path, *, main: bool = False, half: bool = False
) -> dict[str, Path]:
    """Write a trained network in every layout; where each lies, by what it is called.

    Args:
        net: the network, as it is to be used.
        model: which it was trained for.
        home: the folder of the run.
        main: whether the main network was trained too: the whole model is then written.
        half: whether in half precision, as a difference always is.
    """
    values = plain(whole(net.module), half)
    made = {FOLDER: home / FOLDER, ORIGINAL: home / ORIGINAL}
    written(net, values, made[FOLDER])
    with atomic.drafted(made[ORIGINAL]) as draft:
        save_file({original(name, net): value for name, value in values.items()}, draft)
    if net.kind == "controlnet" and any(".parametrizations." in name for name in net.module.state_dict()):
        made[SMALL] = home / SMALL
        own = difference(net.module, model.net.state_dict())
        written(net, plain(own, True), made[SMALL])
    if main:
        made[MODEL] = home / MODEL
        whole_model(model, made[FOLDER], made[MODEL])
    return made


def plain(values: Mapping[str, Tensor], half: bool = False) -> dict[str, Tensor]:
    """Tensors as files take them."""
    kind = torch.float16 if half else None
    return {
        name: value.detach().to("cpu", kind or value.dtype, copy=True).contiguous()
        for name, value in values.items()
    }


def written(net: Net, values: Mapping[str, Tensor], folder: Path) -> None:
    """A folder with settings and weights."""
    told = {"_class_name": {"controlnet": "ControlNetModel", "t2i-adapter": "T2IAdapter"}[net.kind]}
    config = {name: value for name, value in dict(net.module.config).items() if not name.startswith("_")}
    with atomic.drafted_folder(folder) as draft:
        write_json(draft / "config.json", told | config, 2)
        save_file(dict(values), draft / WEIGHTS, metadata={"format": "pt"})


def original(name: str, net: Net) -> str:
    """The name that a weight had where such networks were first published."""
    if net.kind == "t2i-adapter":
        told = net.module.config
        return adapter_name(name, int(told["num_res_blocks"]), told["adapter_type"] == "light_adapter")
    config: Any = net.module.config
    if name.startswith("controlnet_down_blocks."):
        _, k, end = name.split(".")
        name = f"zero_convs.{k}.0.{end}"
    elif name.startswith("controlnet_mid_block."):
        name = f"middle_block_out.0.{name.rpartition('.')[2]}"
    elif found := HINT.fullmatch(name):
        last = 4 * len(config.conditioning_embedding_out_channels) - 2
        place = {"conv_in": 0, "conv_out": last}.get(found[1], 2 * int(found[2] or 0) + 2)
        name = f"input_hint_block.{place}.{found[3]}"
    return f"control_model.{as_first(name, config.layers_per_block)}"


def adapter_name(name: str, each: int, light: bool = False) -> str:
    """The same for an adapter; ``each`` is how many blocks a level has, in the full form."""
    own = name.removeprefix("adapter.")
    if light:
        return own.replace(".resnets.", ".body.")
    if found := re.fullmatch(r"body\.(\d+)\.resnets\.(\d+)\.(block\d\..+)", own):
        level, k, rest = int(found[1]), int(found[2]), found[3]
        return f"body.{level * each + k}.{rest}"
    if found := re.fullmatch(r"body\.(\d+)\.in_conv\.(\w+)", own):
        return f"body.{int(found[1]) * each}.in_conv.{found[2]}"
    return own


def whole_model(model: Model, side: Path, folder: Path) -> None:
    """The model's folder with the main network as it was trained, the side network inside."""
    with atomic.drafted_folder(folder) as draft, hushed():
        if model.home is not None and model.home.is_dir():
            shutil.copytree(model.home, draft, dirs_exist_ok=True, ignore=shutil.ignore_patterns("unet"))
        net: Any = model.net
        net.save_pretrained(draft / "unet")
        shutil.copytree(side, draft / "controlnet")
