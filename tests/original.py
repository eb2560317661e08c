"""Networks in the names Stable Diffusion was first published with, written from the published layouts.

This is the way back from what `overpaint.families.single` reads, and shares no code with it.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from overpaint.families.tiny import Shape, tiny
from overpaint.model import Model

safetensors: Any = import_module("safetensors.torch")
RESIDUAL = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}
TOWERS: Mapping[Shape, tuple[str, ...]] = {
    "sd1": ("cond_stage_model.transformer.",),
    "sd2": ("cond_stage_model.model.",),
    "sdxl": ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}


def unet_name(name: str, config: Any) -> str:
    """The first name of a weight, or of a layer, of the denoiser."""
    for new, old in OUTSIDE.items():
        if name == new or name.startswith(new + "."):
            return old + name[len(new) :]
    block, rest = name.split(".", 1)
    if block == "mid_block":
        kind, k, inner = rest.split(".", 2)
        return (
            f"middle_block.1.{inner}"
            if kind == "attentions"
            else f"middle_block.{2 * int(k)}.{within(inner)}"
        )
    i, kind, j, inner = rest.split(".", 3)
    step, down = config.layers_per_block + 1, block == "down_blocks"
    first = int(i) * step + down
    if kind == "downsamplers":
        return f"input_blocks.{first + step - 1}.0.op{inner.removeprefix('conv')}"
    if kind == "upsamplers":
        place = 2 if "CrossAttn" in config.up_block_types[int(i)] else 1
        return f"output_blocks.{first + step - 1}.{place}.{inner}"
    start = f"{'input' if down else 'output'}_blocks.{first + int(j)}"
    return f"{start}.1.{inner}" if kind == "attentions" else f"{start}.0.{within(inner)}"


def within(inner: str) -> str:
    """The first name of a layer in a residual block."""
    layer, dot, leaf = inner.partition(".")
    return RESIDUAL[layer] + dot + leaf


def vae_name(name: str, levels: int) -> str:
    """The first name of a weight of the autoencoder."""
    name = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    name = name.replace("mid_block.resnets.0", "mid.block_1").replace("mid_block.resnets.1", "mid.block_2")
    name = name.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
    for new, old in (("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        name = name.replace(f"attn_1.{new}.", f"attn_1.{old}.")
    for k in range(levels):
        name = name.replace(f"down_blocks.{k}.", f"down.{k}.").replace(
            f"up_blocks.{k}.", f"up.{levels - 1 - k}."
        )
    name = name.replace(".resnets.", ".block.")
    return name.replace("downsamplers.0", "downsample").replace("upsamplers.0", "upsample")


def unet_weights(net: Any) -> dict[str, Tensor]:
    """The denoiser's weights by their first names."""
    return {f"model.diffusion_model.{unet_name(k, net.config)}": v for k, v in net.state_dict().items()}


def vae_weights(vae: Any) -> dict[str, Tensor]:
    """The autoencoder's: attention was written as convolutions of one pixel."""
    levels = len(vae.config.block_out_channels)
    named = {f"first_stage_model.{vae_name(k, levels)}": v for k, v in vae.state_dict().items()}
    pixel = [k for k in named if ".attn_1." in k and k.endswith("weight") and ".norm." not in k]
    return named | {k: named[k][:, :, None, None] for k in pixel}


def clip_weights(encoder: Any, start: str) -> dict[str, Tensor]:
    """A text tower of OpenAI's kind, with the positions its first code stored too."""
    own = {f"{start}text_model.{k}": v for k, v in encoder.state_dict().items()}
    positions = torch.arange(encoder.config.max_position_embeddings)[None]
    return own | {f"{start}text_model.embeddings.position_ids": positions}


def open_clip_weights(encoder: Any, start: str) -> dict[str, Tensor]:
    """A text tower of OpenCLIP's kind: joined projections, and a last layer that SD 2 does not use."""
    old = {k.removeprefix("text_model."): v for k, v in encoder.state_dict().items()}
    new: dict[str, Tensor] = {
        "token_embedding.weight": old["embeddings.token_embedding.weight"],
        "positional_embedding": old["embeddings.position_embedding.weight"],
        "ln_final.weight": old["final_layer_norm.weight"],
        "ln_final.bias": old["final_layer_norm.bias"],
        "logit_scale": torch.tensor(4.6),
    }
    layers, width = encoder.config.num_hidden_layers, encoder.config.hidden_size
    for k in range(layers):
        a, b = f"encoder.layers.{k}.", f"transformer.resblocks.{k}."
        for leaf in ("weight", "bias"):
            qkv = [old[f"{a}self_attn.{n}_proj.{leaf}"] for n in "qkv"]
            new[f"{b}attn.in_proj_{leaf}"] = torch.cat(qkv)
            new[f"{b}attn.out_proj.{leaf}"] = old[f"{a}self_attn.out_proj.{leaf}"]
            for one, other in (("layer_norm1", "ln_1"), ("layer_norm2", "ln_2")):
                new[f"{b}{other}.{leaf}"] = old[f"{a}{one}.{leaf}"]
            for one, other in (("fc1", "c_fc"), ("fc2", "c_proj")):
                new[f"{b}mlp.{other}.{leaf}"] = old[f"{a}mlp.{one}.{leaf}"]
    if "text_projection.weight" in old:
        new["text_projection"] = old["text_projection.weight"].T
    else:
        last = f"transformer.resblocks.{layers - 1}."
        new |= {
            k.replace(last, f"transformer.resblocks.{layers}."): v
            for k, v in new.items()
            if k.startswith(last)
        }
        new["text_projection"] = torch.eye(width)
    return {start + k: v for k, v in new.items()}


def weights_of(model: Model) -> dict[str, Tensor]:
    """A whole checkpoint as it was first published."""
    family: Any = model.family
    shape: Any = family.name.removesuffix("-inpaint")
    found = unet_weights(model.net) | vae_weights(family.codec.vae)
    for start, encoder in zip(TOWERS[shape], family.encoders, strict=True):
        write = clip_weights if start.endswith("transformer.") else open_clip_weights
        found |= write(encoder, start)
    return found


def save(file: Path, weights: Mapping[str, Tensor], said: Mapping[str, str] | None = None) -> Path:
    """Write a file, every tensor on its own."""
    own = {k: v.detach().clone().contiguous() for k, v in weights.items()}
    safetensors.save_file(own, str(file), metadata=dict(said or {"format": "pt"}))
    return file


def save_configs(folder: Path, shape: Shape, side: int = 8) -> None:
    """What `overpaint.families.configs` has of the real family, for the tiny one, and its tokenizer."""
    model = tiny(shape)
    family: Any = model.family
    net: Any = model.net
    own = folder / shape
    net.save_config(own / "unet")
    family.codec.vae.save_config(own / "vae")
    for suffix, encoder in zip(("", "_2"), family.encoders, strict=False):
        encoder.config.save_pretrained(own / f"text_encoder{suffix}")
        family.tokenizers[0].save_pretrained(own / f"tokenizer{suffix}")
    real = Path(str(import_module("overpaint.families.single").CONFIGS)) / shape
    for name in ("scheduler/scheduler_config.json", "model_index.json"):
        (own / name).parent.mkdir(exist_ok=True)
        (own / name).write_text(json.dumps(json.loads((real / name).read_text())))
