import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import CLIPConfig, CLIPModel, ViTConfig, ViTModel

from overpaint.families.tiny import tiny
from overpaint.families.yardsticks import CLIP, DINO, ClipAgreement, DinoKeys

SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_keys_are_those_of_the_last_layer_with_the_class_token(tmp_path: Path) -> None:
    torch.random.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net: Any = ViTModel(ViTConfig(**SMALL, image_size=32, patch_size=8), add_pooling_layer=False)
    net.save_pretrained(tmp_path / DINO.rpartition("/")[2])
    keys = DinoKeys.load(tmp_path)
    assert keys is not None
    found = keys(torch.rand(1, 3, 48, 32, generator=torch.Generator().manual_seed(1)))
    assert found.shape == (1 + 6 * 4, 16)
    weights = [t for name, t in net.named_parameters() if name.endswith(("key.weight", "k_proj.weight"))]
    assert len(weights) == 2 and float(found.std(0).min()) > 0


def test_agreement_is_a_hundred_times_the_cosine(tmp_path: Path) -> None:
    place = tmp_path / CLIP.rpartition("/")[2]
    family: Any = tiny().family
    family.tokenizers[0].save_pretrained(place)
    end = family.tokenizers[0].eos_token_id  # where a sentence is read; a tower that misses it reads none
    words = {**SMALL, "vocab_size": 50_000, "max_position_embeddings": 16, "eos_token_id": end}
    pictures = {**SMALL, "image_size": 32, "patch_size": 8}
    torch.random.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
    net: Any = CLIPModel(CLIPConfig(text_config=words, vision_config=pictures, projection_dim=8))
    for norm in (net.vision_model.post_layernorm, net.text_model.final_layer_norm):
        norm.bias.data += 3.0  # so that no cosine of random towers is below 0
    for projection in (net.visual_projection, net.text_projection):
        projection.weight.data.abs_()
    net.save_pretrained(place)
    told = {"crop_size": 32, "size": {"shortest_edge": 32}, "image_processor_type": "CLIPImageProcessor"}
    (place / "preprocessor_config.json").write_text(json.dumps(told))
    agree = ClipAgreement.load(tmp_path)
    assert agree is not None
    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    found = [
        agree(pixels, sentence)
        for sentence in ("a cat", "a cat", "a dog " * 40, "sea", "on", "the", "cat dog")
    ]
    assert found[0] == found[1] and all(0 < one < 100 for one in found) and len({*found}) == 6


def test_what_is_not_here_is_none(tmp_path: Path) -> None:
    assert DinoKeys.load(tmp_path) is None and ClipAgreement.load() is None
