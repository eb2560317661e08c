"""How strongly an adapter acts is read wherever its trainer wrote it, and said where nobody did."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import original
from tests.cli.kit import Said, overpaint, save_folder
from tests.kit import draw, gap
from torch import Tensor

from overpaint.families.lora import layers_of
from overpaint.images.recipe import read_recipe
from overpaint.run.loading import load

QUERY = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
KEY = QUERY.replace("to_q", "to_k")
RANK = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


def lora(name: str) -> tuple[Tensor, Tensor]:
    return draw(16, RANK, seed=len(name)) * 0.2, draw(RANK, 16, seed=len(name) + 1) * 0.2


def adapter(place: Path, told: Mapping[str, Any] | None, start: str = "base_model.model.") -> Path:
    """A folder as PEFT saves one: weights, and settings beside them."""
    place.mkdir(exist_ok=True)
    tensors: dict[str, Tensor] = {}
    for name in (QUERY, KEY):
        up, down = lora(name)
        tensors |= {f"{start}{name}.lora_A.weight": down, f"{start}{name}.lora_B.weight": up}
    original.save(place / "adapter_model.safetensors", tensors)
    if told is not None:
        (place / "adapter_config.json").write_text(json.dumps(told))
    return place


def strengths(folder: Path, file: Path) -> list[float]:
    """By how much of its product each of the two layers has changed."""
    plain, changed = load(str(folder), device="cpu"), load(str(folder), device="cpu", loras=[str(file)])
    found: list[float] = []
    for name in (QUERY, KEY):
        old, new = (layers_of(m)[f"unet:{name.replace('.', '_')}"].weight for m in (plain, changed))
        up, down = lora(name)
        amount = float(((new - old) * (up @ down)).sum() / (up @ down).square().sum())
        assert gap(new - old, amount * (up @ down)) < 1e-6
        found.append(amount)
    return found


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({"lora_alpha": 8, "r": RANK}, (2, 2)),
        ({"peft_type": "LORA", "lora_alpha": 8, "r": RANK, "use_rslora": True}, (4, 4)),
        ({"lora_alpha": 8, "r": RANK, "alpha_pattern": {"attn1.to_k": 2}}, (2, 0.5)),
        ({"lora_alpha": 8, "r": RANK, "alpha_pattern": {f"^{QUERY}": 2}}, (0.5, 2)),
        ({"lora_alpha": 8, "r": RANK, "alpha_pattern": {"to_v": 2, "q": 1}}, (2, 2)),
        ({"lora_alpha": 8, "r": RANK, "alpha_pattern": None}, (2, 2)),
    ],
)
def test_alpha_in_the_settings_beside(
    told: Mapping[str, Any], wanted: tuple[float, float], folder: Path, tmp_path: Path
) -> None:
    home = adapter(tmp_path / "style", told)
    assert strengths(folder, home) == pytest.approx(wanted, abs=1e-4)
    assert strengths(folder, home / "adapter_model.safetensors") == pytest.approx(wanted, abs=1e-4)


def test_settings_of_another_adapter_are_not_taken(folder: Path, tmp_path: Path) -> None:
    """A folder of downloads may hold the settings of one adapter and the file of another."""
    home = adapter(tmp_path / "loras", {"lora_alpha": 8, "r": RANK}, "unet.")
    file = (home / "adapter_model.safetensors").rename(home / "other.safetensors")
    assert strengths(folder, file) == pytest.approx((1, 1), abs=1e-4)


def test_a_kronecker_product_of_peft_is_divided_by_the_rank_of_its_settings(
    folder: Path, tmp_path: Path
) -> None:
    parts = {"lokr_w1": draw(4, 2) * 0.3, "lokr_w2": draw(4, 8, seed=1) * 0.3}
    place = tmp_path / "style"
    place.mkdir()
    original.save(
        place / "adapter_model.safetensors", {f"base_model.model.{QUERY}.{k}": v for k, v in parts.items()}
    )
    (place / "adapter_config.json").write_text('{"peft_type": "LOKR", "alpha": 12, "r": 8}')
    name = f"unet:{QUERY.replace('.', '_')}"
    plain, changed = load(str(folder), device="cpu"), load(str(folder), device="cpu", loras=[str(place)])
    change = layers_of(changed)[name].weight - layers_of(plain)[name].weight
    assert gap(change, 1.5 * torch.kron(parts["lokr_w1"], parts["lokr_w2"])) < 1e-6


def drawn(folder: Path, out: Path, lora: str | Path, *more: str) -> Said:
    ask = ("generate", "a cat", "--model", folder, "--device", "cpu", "--steps", "2", "-o", out)
    return overpaint(*ask, "--lora", lora, *more)


def test_a_folder_of_peft_by_command(folder: Path, tmp_path: Path) -> None:
    """It acts as the same weights with the same alpha in kohya's layout, and a rerun finds the settings."""
    home = adapter(tmp_path / "style", {"lora_alpha": 8, "r": RANK})
    tensors: dict[str, Tensor] = {}
    for name in (QUERY, KEY):
        up, down = lora(name)
        start = f"lora_unet_{name.replace('.', '_')}"
        tensors |= {f"{start}.lora_up.weight": up, f"{start}.lora_down.weight": down}
        tensors[f"{start}.alpha"] = torch.tensor(8.0)
    kohya = original.save(tmp_path / "kohya.safetensors", tensors)
    out = [tmp_path / f"{k}.png" for k in range(4)]
    said = [drawn(folder, out[0], f"{home}:0.5"), drawn(folder, out[1], f"{kohya}:0.5")]
    assert [one.code for one in said] == [0, 0], said[0].err
    assert "alpha" not in said[0].err
    one, other = (read_recipe(path) for path in out[:2])
    assert one.output == other.output
    assert overpaint("rerun", out[0], "-o", out[2]).code == 0
    adapter(home, {"lora_alpha": 4, "r": RANK})
    again = overpaint("rerun", out[0], "-o", out[3])
    assert "The weights of the model are not those the recipe was made with." in again.err


def test_a_strength_that_had_to_be_assumed_is_said(folder: Path, tmp_path: Path) -> None:
    said = drawn(folder, tmp_path / "x.png", adapter(tmp_path / "style", None), "--json")
    assert said.code == 0
    (words,) = said.figures["warnings"]
    assert words.endswith(
        "adapter_model.safetensors does not say its alpha, so alpha was taken to be the rank (strength 1); "
        "PEFT says it in adapter_config.json, which belongs beside the file."
    )


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"peft_type": "OFT"}, "of the kind OFT; LoRA, LoHa and LoKr are read"),
        ({"init_lora_weights": "pissa_niter_16"}, "changed the model's own weights too (pissa_niter_16)"),
        ({"lora_alpha": "much"}, "('much' is no number)"),
        ({"lora_alpha": float("inf")}, "('inf' is no number)"),
        ({"lora_alpha": 1, "alpha_pattern": [1]}, "(a pattern is no table)"),
        ({"lora_alpha": 1, "alpha_pattern": {"(a+)+$": 1}}, "is no name of layers"),
    ],
)
def test_settings_that_cannot_be(told: Mapping[str, Any], says: str, folder: Path, tmp_path: Path) -> None:
    said = drawn(folder, tmp_path / "x.png", adapter(tmp_path / "style", told))
    assert said.code == 2 and says in said.err and said.err.count("\n") == 1


def test_folders_that_hold_no_adapter(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "both" / "unet").mkdir(parents=True)
    for name in ("unet", "text_encoder"):
        adapter(tmp_path / "both" / name, {"lora_alpha": 1})
    said = drawn(folder, tmp_path / "x.png", tmp_path / "both")
    assert "name the folders inside it (text_encoder, unet)" in said.err
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "adapter_model.bin").write_bytes(b"")
    assert "overpaint convert" in drawn(folder, tmp_path / "x.png", tmp_path / "old").err
    (tmp_path / "empty").mkdir()
    assert "holds no LoRA files; name the file." in drawn(folder, tmp_path / "x.png", tmp_path / "empty").err
