"""Tiny networks that measure, in folders as the real ones lie."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file  # pyright: ignore[reportUnknownVariableType]
from tests.kit import draw
from transformers import CLIPConfig, CLIPModel, ViTConfig, ViTModel

from overpaint.bench.pie.lpips import FILE, squeezenet
from overpaint.families.tiny import tiny
from overpaint.families.yardsticks import CLIP, DINO

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


def save_yardsticks(folder: Path) -> Path:
    """A vision transformer, CLIP and LPIPS of random values."""
    folder.mkdir()
    save_dino(folder)
    save_clip(folder)
    save_file(lpips_weights(), folder / FILE)
    return folder


def save_dino(folder: Path) -> Any:
    """A vision transformer; the network."""
    torch.random.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net: Any = ViTModel(ViTConfig(**SMALL, image_size=32, patch_size=8), add_pooling_layer=False)
    net.save_pretrained(folder / DINO.rpartition("/")[2])
    return net


def save_clip(folder: Path) -> None:
    """Two towers of which no cosine is below 0."""
    place = folder / CLIP.rpartition("/")[2]
    family: Any = tiny().family
    family.tokenizers[0].save_pretrained(place)
    end = family.tokenizers[0].eos_token_id  # where a sentence is read; a tower that misses it reads none
    words = {**SMALL, "vocab_size": 50_000, "max_position_embeddings": 16, "eos_token_id": end}
    pictures = {**SMALL, "image_size": 32, "patch_size": 8}
    torch.random.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net: Any = CLIPModel(CLIPConfig(text_config=words, vision_config=pictures, projection_dim=8))
    for norm in (net.vision_model.post_layernorm, net.text_model.final_layer_norm):
        norm.bias.data += 3.0
    for projection in (net.visual_projection, net.text_projection):
        projection.weight.data.abs_()
    net.save_pretrained(place)
    told = {"crop_size": 32, "size": {"shortest_edge": 32}, "image_processor_type": "CLIPImageProcessor"}
    (place / "preprocessor_config.json").write_text(json.dumps(told))


def lpips_weights() -> dict[str, torch.Tensor]:
    """Random weights of LPIPS by their names."""
    net = squeezenet()
    state = {f"features.{name}": 0.1 * draw(*t.shape) for name, t in net.state_dict().items()}
    widths = [64, 128, 256, 384, 384, 512, 512]
    return state | {f"lin{k}.model.1.weight": torch.rand(1, n, 1, 1) for k, n in enumerate(widths)}
