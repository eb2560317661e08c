"""Folders that hold their weights in unusual forms alone."""

import json
import shutil
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.cli.kit import overpaint, save_folder
from tests.families.test_load import saved
from tests.kit import call, equal

from overpaint.families.tiny import tiny
from overpaint.run.loading import load

safetensors: Any = import_module("safetensors.torch")
STEMS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


def in_forms(whole: Path, place: Path, forms: Mapping[str, float]) -> Path:
    """The model with the weights of every part in these forms, each multiplied so that it can be told."""
    home = Path(shutil.copytree(whole, place))
    for part, stem in STEMS.items():
        file = home / part / f"{stem}.safetensors"
        weights = safetensors.load_file(file)
        file.unlink()
        for form, factor in forms.items():
            name = f"{stem}.{form}.safetensors" if form else f"{stem}.safetensors"
            own = {k: v * factor if v.is_floating_point() else v for k, v in weights.items()}
            safetensors.save_file(own, home / part / name, metadata={"format": "pt"})
    return home


@pytest.mark.parametrize("form", ["bf16", "non_ema", "ema", "fp32", "fp16", "my-own_form"])
def test_a_form_that_is_there_alone(form: str, whole: Path, tmp_path: Path) -> None:
    home = in_forms(whole, tmp_path / "model", {form.replace("-", "_"): 1.0})
    assert equal(call(load(str(home), device="cpu")), call(tiny("sd1")))


@pytest.mark.parametrize(
    ("forms", "best"),
    [
        (("", "fp16", "non_ema", "ema"), ""),
        (("fp32", "fp16", "bf16"), "fp32"),
        (("fp16", "bf16"), "fp16"),
        (("ema", "non_ema"), "ema"),
        (("fp16", "non_ema"), "fp16"),
        (("fp16.non_ema", "bf16"), "bf16"),
        (("bf16", "other"), "bf16"),
    ],
)
def test_the_best_of_several_is_read_and_named(
    forms: tuple[str, ...], best: str, whole: Path, tmp_path: Path
) -> None:
    home = in_forms(whole, tmp_path / "model", {form: 2.0**k for k, form in enumerate(forms)})
    plain, found = (load(str(one), device="cpu").net.state_dict() for one in (whole, home))
    factor = 2.0 ** forms.index(best)
    assert all(torch.equal(found[name], factor * value) for name, value in plain.items())
    said = overpaint("generate", "a cat", "--model", home, "--steps", "1", "-o", tmp_path / "x.png", "--json")
    assert said.code == 0, said.err
    if not best:
        assert said.figures["warnings"] == []
        return
    (words,) = said.figures["warnings"]
    assert f"unet in the form {best} (and not " in words and "text_encoder in the form" in words


def test_half_precision_alone_is_nothing_to_speak_of(whole: Path, tmp_path: Path) -> None:
    home = in_forms(whole, tmp_path / "model", {"fp16": 1.0})
    assert load(str(home), device="cpu").notes == []


@pytest.mark.parametrize("late", [False, True])
def test_pieces_of_a_form(late: bool, tmp_path: Path) -> None:
    """Both places the form may have in the names of pieces."""
    home = saved(tiny("sd1"), tmp_path / "model", max_shard_size="100KB", variant="bf16")
    pieces = sorted((home / "unet").glob("*.safetensors"))
    assert len(pieces) > 1
    index = next((home / "unet").glob("*.index*.json"))
    if late:
        text = index.read_text()
        for piece in pieces:
            name = piece.name.replace(".bf16-", "-").replace(".safetensors", ".bf16.safetensors")
            if ".bf16-" in piece.name:
                text = text.replace(piece.name, name)
                piece.rename(piece.with_name(name))
        index.write_text(text)
    assert equal(call(load(str(home), device="cpu")), call(tiny("sd1")))


def test_weights_by_another_name(whole: Path, tmp_path: Path) -> None:
    home = Path(shutil.copytree(whole, tmp_path / "model"))
    file = home / "unet" / "diffusion_pytorch_model.safetensors"
    file.rename(file.with_name("unet.safetensors"))
    said = overpaint("generate", "a cat", "--model", home, "--steps", "1", "-o", tmp_path / "x.png")
    assert said.code == 2 and "are called unet.safetensors; call them diffusion_pytorch_model" in said.err


NULLS: list[tuple[str, dict[str, Any]]] = [
    (
        "scheduler/scheduler_config.json",
        {"steps_offset": None, "prediction_type": None, "timestep_spacing": None},
    ),
    ("unet/config.json", {"act_fn": None, "flip_sin_to_cos": None, "upcast_attention": None}),
    ("vae/config.json", {"force_upcast": None, "latent_channels": None, "use_quant_conv": None}),
    ("text_encoder/config.json", {"hidden_act": None, "layer_norm_eps": None, "attention_dropout": None}),
    ("tokenizer/tokenizer_config.json", {"model_max_length": None}),
]


@pytest.mark.parametrize(("file", "nulls"), NULLS)
def test_settings_that_are_null_are_those_of_the_library(
    file: str, nulls: dict[str, Any], whole: Path, tmp_path: Path, reset: Callable[..., Path]
) -> None:
    """As if they were not written at all."""
    absent, null = reset("absent", file, nulls, drop=True), reset("null", file, nulls)
    models = [load(str(home), device="cpu") for home in (absent, null)]
    assert equal(*(call(model) for model in models))
    assert torch.equal(*(model.family.text("a cat").states for model in models))
    assert torch.equal(*(model.family.decode(torch.ones(1, 4, 8, 8)) for model in models))
    assert torch.equal(*(model.path(4).t for model in models))
    assert overpaint("models", "--in", null).code == 0


@pytest.fixture
def reset(whole: Path, tmp_path: Path) -> Callable[..., Path]:
    """The model with some of its settings others, or none."""

    def make(name: str, file: str, values: dict[str, Any], drop: bool = False) -> Path:
        home = Path(shutil.copytree(whole, tmp_path / name))
        told = json.loads((home / file).read_text())
        kept = {k: v for k, v in told.items() if k not in values}
        (home / file).write_text(json.dumps(kept if drop else kept | values))
        return home

    return make
