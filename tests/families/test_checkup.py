"""What is wrong with a model is said in plain sentences, and nothing of one that is whole."""

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import original
from tests.checkpoints import tiny_configs

from overpaint.families.checkup import likeness, problems
from overpaint.families.locate import SHIPPED
from overpaint.families.original import NoModel
from overpaint.families.tiny import tiny
from overpaint.run.loading import load

safetensors: Any = import_module("safetensors.torch")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A copy of the shipped model, which is trained, that a test may damage."""
    return Path(shutil.copytree(SHIPPED["still-life"], tmp_path / "model"))


def test_nothing_is_wrong_with_the_shipped_model() -> None:
    assert problems(SHIPPED["still-life"]) == []


def test_a_mark_that_is_not_what_the_network_predicts(home: Path) -> None:
    file = home / "scheduler" / "scheduler_config.json"
    file.write_text(file.read_text().replace("v_prediction", "epsilon"))
    (found,) = problems(home)
    assert "is said to predict epsilon" in found and "try --prediction v" in found
    assert problems(home, trial=False) == []


def test_the_other_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that answers with the noise it was shown predicts epsilon."""
    model = load("still-life", device="cpu")

    def echo(self: object, net: object, x: torch.Tensor, *more: object) -> torch.Tensor:
        return x[:, :4]

    assert abs(likeness(model)) < 0.5
    monkeypatch.setattr(type(model.family), "call", echo)
    assert likeness(model) > 0.99
    (found,) = problems(SHIPPED["still-life"])
    assert "is said to predict v" in found and "try --prediction epsilon" in found


def no_vae(home: Path) -> None:
    shutil.rmtree(home / "vae")


def pickle_beside(home: Path) -> None:
    (home / "unet" / "old.bin").touch()


def code_beside(home: Path) -> None:
    (home / "pipeline.py").touch()


def link(home: Path) -> None:
    (home / "vae" / "x.json").symlink_to("/etc/hostname")


def nan(home: Path) -> None:
    file = home / "unet" / "diffusion_pytorch_model.safetensors"
    weights = safetensors.load_file(str(file))
    weights[sorted(weights)[3]].view(-1)[0] = float("nan")
    safetensors.save_file(weights, str(file))


def index(home: Path) -> None:
    told = {"weight_map": {"a": "../../secret.safetensors"}}
    (home / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(told))


def words(home: Path) -> None:
    file = home / "tokenizer" / "vocab.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "more": 569}))


def strange(home: Path) -> None:
    file = home / "unet" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "class_embed_type": "timestep"}))


def cut(home: Path) -> None:
    file = home / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (no_vae, "lacks vae/config.json"),
        (pickle_beside, "unet/old.bin is a pickle"),
        (code_beside, "pipeline.py is code"),
        (link, "leads out of the model's folder"),
        (nan, "holds values that are not numbers, such as in"),
        (index, "outside its own folder"),
        (words, "tokenizer knows 570 tokens and text_encoder 569"),
        (strange, "is of a kind that is not supported"),
        (cut, "is no whole safetensors file"),
    ],
)
def test_what_is_missing_or_odd(damage: Callable[[Path], None], says: str, home: Path) -> None:
    damage(home)
    (found,) = problems(home, trial=False)
    assert says in found


def test_several_problems_are_all_said(home: Path) -> None:
    for damage in (index, words, cut):
        damage(home)
    assert len(problems(home)) == 3


def test_a_checkpoint_in_one_file(tmp_path: Path) -> None:
    with tiny_configs(tmp_path):
        weights = original.weights_of(tiny("sd2"))
        file = original.save(tmp_path / "two.safetensors", weights)
        (found,) = problems(file)
        assert found == (
            "two.safetensors does not say what it predicts; a trial says v, so load it with --prediction v."
        )
        assert problems(original.save(file, weights | {"v_pred": torch.zeros(0)})) == []
        name = "first_stage_model.decoder.conv_in.weight"
        (found,) = problems(original.save(file, weights | {name: weights[name] * float("inf")}))
        assert f"not numbers, such as in {name}" in found
        with pytest.raises(NoModel, match="is a LoRA"):
            problems(original.save(file, {"lora_x": torch.ones(1)}))
