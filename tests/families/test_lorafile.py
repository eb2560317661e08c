"""Names of layers in the layouts people have on their disks, those of text encoders among them."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tests import original
from tests.families.test_load import saved as save_model
from tests.kit import draw, gap
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.lora import layers_of
from overpaint.families.tiny import Shape, tiny
from overpaint.model import Model
from overpaint.run.loading import load

Q = "encoder.layers.1.self_attn.q_proj"
UP, DOWN = ".lora_B.weight", ".lora_A.weight"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    shapes: Sequence[Shape] = ("sd1", "sd2", "sdxl")
    return {shape: save_model(tiny(shape), tmp_path_factory.mktemp(shape)) for shape in shapes}


def changed(home: Path, file: Path) -> dict[str, Tensor]:
    """The weights that differ with a LoRA, and by how much."""
    plain, other = (weights(load(str(home), device="cpu", loras=more)) for more in ((), (str(file),)))
    return {name: other[name] - w for name, w in plain.items() if not torch.equal(w, other[name])}


def weights(model: Model) -> dict[str, Tensor]:
    return {name: layer.weight for name, layer in layers_of(model).items()}


TEXTS: list[tuple[str, str, str, int]] = [
    ("sd1", f"text_encoders.clip_l.transformer.text_model.{Q}", "te", 24),
    ("sd2", f"text_encoders.clip_h.transformer.text_model.{Q}", "te", 24),
    ("sdxl", f"text_encoders.clip_l.transformer.text_model.{Q}", "te", 16),
    ("sdxl", f"text_encoders.clip_g.transformer.text_model.{Q}", "te2", 24),
    ("sd1", f"base_model.model.text_model.{Q}", "te", 24),
    ("sd1", f"base_model.model.{Q}", "te", 24),
    ("sdxl", f"base_model.model.text_model.{Q}", "te", 16),
    ("sdxl", f"base_model.model.text_model.{Q}", "te2", 24),
    ("sdxl", f"text_encoder_2.text_model.{Q}", "te2", 24),
    ("sdxl", f"lora_te2_text_model_{Q.replace('.', '_')}", "te2", 24),
]


@pytest.mark.parametrize(("shape", "name", "part", "width"), TEXTS)
def test_an_adapter_for_texts_alone(
    shape: str, name: str, part: str, width: int, models: dict[str, Path], tmp_path: Path
) -> None:
    """It changes that one layer of that one encoder; where a name leaves the encoder open, the sizes tell."""
    up, down = draw(width, 2), draw(2, width, seed=1)
    file = original.save(tmp_path / "text.safetensors", {name + UP: up, name + DOWN: down})
    found = changed(models[shape], file)
    assert list(found) == [f"{part}:{Q.replace('.', '_')}"]
    assert gap(found[f"{part}:{Q.replace('.', '_')}"], up @ down) < 1e-5


def test_a_folder_of_peft_for_the_text_encoder(models: dict[str, Path], tmp_path: Path) -> None:
    up, down = draw(24, 2), draw(2, 24, seed=1)
    name = f"base_model.model.text_model.{Q}"
    original.save(tmp_path / "adapter_model.safetensors", {name + UP: up, name + DOWN: down})
    (tmp_path / "adapter_config.json").write_text(json.dumps({"lora_alpha": 6, "r": 2}))
    (change,) = changed(models["sd1"], tmp_path).values()
    assert gap(change, 3 * up @ down) < 1e-5


def test_a_network_with_the_prefix_of_comfyui(models: dict[str, Path], tmp_path: Path) -> None:
    name = "diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q"
    up, down = draw(16, 2), draw(2, 16, seed=1)
    file = original.save(tmp_path / "net.safetensors", {name + UP: up, name + DOWN: down})
    assert list(changed(models["sd1"], file)) == [
        "unet:mid_block_attentions_0_transformer_blocks_0_attn1_to_q"
    ]


def test_an_encoder_that_the_model_lacks(models: dict[str, Path], tmp_path: Path) -> None:
    name = f"text_encoders.clip_g.transformer.text_model.{Q}"
    file = original.save(tmp_path / "g.safetensors", {name + UP: draw(24, 2), name + DOWN: draw(2, 24)})
    with pytest.raises(UsageError, match="1 of its 1 layers, such as te2:encoder_layers_1"):
        load(str(models["sd1"]), device="cpu", loras=[str(file)])
