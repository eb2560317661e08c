"""Side networks written to disk in the layouts they are published in; shares no code with the readers."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from tests import original
from torch import Tensor

from overpaint.sides import Net

safetensors: Any = import_module("safetensors.torch")


def control_name(name: str, config: Any) -> str:
    """The first name of a weight of a ControlNet."""
    head, _, rest = name.partition(".")
    hint = "controlnet_cond_embedding"
    if head == "controlnet_down_blocks":
        k, end = rest.split(".")
        return f"zero_convs.{k}.0.{end}"
    if head == "controlnet_mid_block":
        return f"middle_block_out.0.{rest}"
    if head == hint:
        parts = rest.split(".")
        last = 4 * (len(config.conditioning_embedding_out_channels) - 1) + 2
        k = {"conv_in": 0, "conv_out": last}.get(parts[0], -1)
        return f"input_hint_block.{2 * int(parts[1]) + 2 if k < 0 else k}.{parts[-1]}"
    return original.unet_name(name, config)


def control_weights(net: Net, start: str = "control_model.") -> dict[str, Tensor]:
    """The weights by the names ControlNet was first published with."""
    config = net.module.config
    return {f"{start}{control_name(name, config)}": v for name, v in net.module.state_dict().items()}


def adapter_weights(net: Net, start: str = "") -> dict[str, Tensor]:
    """The weights by the names T2I-Adapter was first published with."""
    each, light = net.module.config["num_res_blocks"], net.module.config["adapter_type"] == "light_adapter"
    made = dict[str, Tensor]()
    for name, value in net.module.state_dict().items():
        parts = name.split(".")
        if light and parts[3] == "resnets":
            parts[3] = "body"
        elif not light and parts[1] == "body":
            inner = parts[3:] if parts[3] == "in_conv" else parts[5:]
            k = 0 if parts[3] == "in_conv" else int(parts[4])
            parts = ["adapter", "body", str(int(parts[2]) * each + k), *inner]
        made[start + ".".join(parts[1:])] = value
    return made


def style_weights(net: Net, start: str = "") -> dict[str, Tensor]:
    """The weights by the names the style adapter was published with."""
    stems = {"questions": "style_embedding", "before": "ln_pre", "after": "ln_post", "out": "proj"}
    inner = {
        "self_attn": "attn",
        "norm1": "ln_1",
        "norm2": "ln_2",
        "linear1": "mlp.c_fc",
        "linear2": "mlp.c_proj",
    }
    made = dict[str, Tensor]()
    for name, value in net.module.state_dict().items():
        head, *rest = name.split(".")
        if head == "layers":
            rest = ["transformer_layes", rest[0], inner[rest[1]], *rest[2:]]
        else:
            rest = [stems[head], *rest]
        made[start + ".".join(rest)] = value
    return made


def save(file: Path, weights: dict[str, Tensor]) -> Path:
    """A safetensors file."""
    safetensors.save_file({name: value.clone().contiguous() for name, value in weights.items()}, file)
    return file


def folder(place: Path, net: Net, **more: Any) -> Path:
    """A folder as diffusers writes it, its configuration changed a little."""
    net.module.save_pretrained(place)
    told = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps({**told, **more}))
    return place
