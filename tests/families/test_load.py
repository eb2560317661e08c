"""From a folder to a model: bit by bit the same, or one sentence."""

import json
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import kit
from tests.kit import call, draw, equal

from overpaint.api import generate
from overpaint.errors import UsageError
from overpaint.families.tiny import _SCHEDULE, Shape, tiny  # pyright: ignore[reportPrivateUsage]
from overpaint.model import Line, Model
from overpaint.run.loading import load as anything

diffusers: Any = import_module("diffusers")
safetensors: Any = import_module("safetensors.torch")


def saved(model: Model, home: Path, **weights: Any) -> Path:
    """The model as a diffusers folder."""
    family: Any = model.family
    net: Any = model.net
    net.save_pretrained(home / "unet", **weights)
    family.codec.vae.save_pretrained(home / "vae")
    for suffix, encoder, tokenizer in zip(("", "_2"), family.encoders, family.tokenizers, strict=False):
        encoder.save_pretrained(home / f"text_encoder{suffix}")
        tokenizer.save_pretrained(home / f"tokenizer{suffix}")
    kind = {"prediction_type": family.schedule.kind}
    diffusers.DDIMScheduler(**{k: v for k, v in (_SCHEDULE | kind).items() if k[0] != "_"}).save_pretrained(
        home / "scheduler"
    )
    (home / "model_index.json").write_text(json.dumps({"force_zeros_for_empty_prompt": family.zero_null}))
    return home


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Shape], Path]:
    """A saved model of each shape, for this module."""
    made: dict[str, Path] = {}

    def folder(shape: Shape) -> Path:
        if shape not in made:
            made[shape] = saved(tiny(shape), tmp_path_factory.mktemp(shape))
        return made[shape]

    return folder


@pytest.fixture
def home(folders: Callable[[Shape], Path], tmp_path: Path) -> Path:
    """A copy of the SD1-shaped folder that a test may damage."""
    return Path(shutil.copytree(folders("sd1"), tmp_path / "model"))


def load(home: Path | str, **more: Any) -> Model:
    return anything(str(home), more.get("dtype", torch.float32), more.get("device", "cpu"))


def refused(home: Path | str, **more: Any) -> str:
    """The one sentence with which a folder is refused."""
    with pytest.raises(UsageError) as caught:
        load(home, **more)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert len(sentence) > 20
    return sentence


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_a_saved_model_is_loaded_bit_by_bit(shape: Shape, folders: Callable[[Shape], Path]) -> None:
    ours, theirs = tiny(shape), load(folders(shape))
    assert theirs.family.name == shape
    assert theirs.fingerprint == load(folders(shape)).fingerprint
    for prompt in ("a cat on the grass", "tiger"):
        one, two = ours.family.text(prompt), theirs.family.text(prompt)
        assert torch.equal(one.states, two.states)
        assert one.pooled is None or (two.pooled is not None and torch.equal(one.pooled, two.pooled))
        assert one.words == two.words
    assert torch.equal(ours.family.null().states, theirs.family.null().states)
    pixels, latents = draw(1, 3, 32, 32).tanh(), draw(1, 4, 8, 8)
    assert torch.equal(ours.family.encode(pixels), theirs.family.encode(pixels))
    assert torch.equal(ours.family.decode(latents), theirs.family.decode(latents))
    one, two = (m.path(7) for m in (ours, theirs))
    assert one.kind == two.kind
    assert all(torch.equal(getattr(one, k), getattr(two, k)) for k in ("t", "alpha", "sigma"))
    assert equal(call(ours), call(theirs))
    assert theirs.family.side == ours.family.side
    assert not theirs.net.training
    assert not any(p.requires_grad for p in theirs.net.parameters())


def test_loading_leaves_the_global_generator_alone(home: Path) -> None:
    before = torch.get_rng_state()
    load(home)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_network_alone_is_in_half_precision(home: Path) -> None:
    model = load(home, dtype=torch.bfloat16)
    family: Any = model.family
    assert model.dtype == torch.bfloat16
    assert {p.dtype for p in model.net.parameters()} == {torch.bfloat16}
    assert family.codec.vae.dtype == torch.float32  # its configuration asks for it
    assert model.family.text("a cat").states.dtype == torch.float32
    assert (
        model.predict({"src": draw(1, 4, 8, 8)}, 0, model.path(4), [kit.single()])["src"].eps.dtype
        == torch.float32
    )


def test_weights_may_come_in_pieces(tmp_path: Path) -> None:
    home = saved(tiny("sd1"), tmp_path, max_shard_size="100KB")
    assert len(list((home / "unet").glob("*.safetensors"))) > 1
    assert equal(call(load(home)), call(tiny("sd1")))


def test_a_model_is_named_after_its_folder(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(home).name == "model"
    monkeypatch.chdir(home)
    assert load(".").name == "model"
    assert load(home).home == home


@pytest.mark.parametrize("name", ["no-such-model", "/no/such/folder", ""])
def test_a_name_that_is_no_model(name: str) -> None:
    assert "still-life" in refused(name if name else "/etc/hostname")


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "tokenizer", "scheduler"])
def test_a_folder_that_lacks_a_part(home: Path, part: str) -> None:
    shutil.rmtree(home / part)
    assert f"lacks {part}/" in refused(home)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_other_weight_formats_are_not_read(home: Path, part: str) -> None:
    for file in (home / part).glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    assert f"no {part}/*.safetensors" in refused(home)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_are_not_all_there(home: Path, part: str) -> None:
    file = next((home / part).glob("*.safetensors"))
    weights = safetensors.load_file(file)
    lost = sorted(k for k in weights if k.endswith("weight"))[0]
    safetensors.save_file({k: v for k, v in weights.items() if k != lost}, file, metadata={"format": "pt"})
    assert f"lacks 1 weights of {part}" in refused(home)


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_a_broken_file(home: Path, part: str) -> None:
    file = next((home / part).glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:1000])
    assert "is no whole safetensors file" in refused(home)


@pytest.mark.parametrize(
    "file",
    ["unet/config.json", "scheduler/scheduler_config.json", "model_index.json", "text_encoder/config.json"],
)
def test_broken_json(home: Path, file: str) -> None:
    (home / file).write_text("{ not json")
    assert "holds no settings in JSON" in refused(home)


def test_a_tokenizer_without_its_vocabulary(home: Path) -> None:
    for file in (home / "tokenizer").iterdir():
        if file.name != "tokenizer_config.json":
            file.unlink()
    assert "lacks tokenizer/tokenizer.json" in refused(home)


def variant(**more: Any) -> Any:
    """The tiny network with something else in its configuration."""
    net: Any = tiny("sd1").net
    told = {k: v for k, v in net.config.items() if k != "_use_default_values"}
    return diffusers.UNet2DConditionModel.from_config({**told, **more})


def test_a_network_for_inpainting_is_a_family_of_its_own(home: Path) -> None:
    variant(in_channels=9).save_pretrained(home / "unet")
    model = load(home)
    assert model.family.name == "sd1-inpaint"
    assert model.shape(32, 32) == (1, 4, 8, 8)
    with pytest.raises(UsageError, match="reads 9 channels and was given 4; give each row the mask"):
        model.predict({"src": draw(1, 4, 8, 8)}, 0, model.path(4), [kit.single()])
    given = [Line("+", model.family.text("a cat"), concat=draw(1, 5, 8, 8))]
    assert model.rows(draw(1, 4, 8, 8), 0, model.path(4), ["src+"], given).eps.shape == (1, 4, 8, 8)


def test_methods_without_a_mask_refuse_a_network_for_inpainting(home: Path) -> None:
    variant(in_channels=9).save_pretrained(home / "unet")
    with pytest.raises(UsageError, match="gives no mask to an inpainting network"):
        generate("a cat", model=load(home), steps=2)


@pytest.mark.parametrize("channels", [5, 8])
def test_a_network_of_other_channels(home: Path, channels: int) -> None:
    variant(in_channels=channels).save_pretrained(home / "unet")
    assert f"reads {channels} channels and the autoencoder gives 4" in refused(home)


def test_an_index_that_leads_elsewhere(home: Path) -> None:
    for name in ("../vae/diffusion_pytorch_model.safetensors", "/etc/passwd", "a/b.safetensors", "..", ""):
        index = {"metadata": {}, "weight_map": {"conv_in.weight": name}}
        (home / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))
        assert "outside its own folder" in refused(home)


def test_an_adapter_that_names_another_model(home: Path) -> None:
    (home / "text_encoder" / "adapter_config.json").write_text('{"base_model_name_or_path": "/etc"}')
    assert "holds adapter_config.json" in refused(home)


def test_weights_that_are_there_in_half_precision_alone(home: Path) -> None:
    for part in ("unet", "vae", "text_encoder"):
        for file in (home / part).glob("*.safetensors"):
            file.rename(file.with_name(file.name.replace(".safetensors", ".fp16.safetensors")))
    assert equal(call(load(home)), call(tiny("sd1")))


def test_a_folder_needs_no_other_tokenizer(home: Path) -> None:
    with pytest.raises(UsageError, match="has its own tokenizer"):
        anything(str(home), tokenizer=home / "tokenizer")


def test_what_a_folder_predicts_may_be_said(home: Path) -> None:
    plain, other = anything(str(home)), anything(str(home), prediction="v")
    assert (plain.path(4).kind, other.path(4).kind) == ("epsilon", "v_prediction")
    assert plain.fingerprint != other.fingerprint


def test_a_network_that_wants_more_than_a_prompt(home: Path) -> None:
    variant(class_embed_type="timestep").save_pretrained(home / "unet")
    assert "more than a prompt" in refused(home)


@pytest.mark.parametrize("part", ["text_encoder_2", "tokenizer_2"])
def test_the_large_model_needs_both_encoders(
    folders: Callable[[Shape], Path], tmp_path: Path, part: str
) -> None:
    home = Path(shutil.copytree(folders("sdxl"), tmp_path / "model"))
    shutil.rmtree(home / part)
    assert f"lacks {part}/" in refused(home)


def test_parts_of_different_models(home: Path, folders: Callable[[Shape], Path]) -> None:
    shutil.rmtree(home / "text_encoder")
    shutil.copytree(folders("sdxl") / "text_encoder", home / "text_encoder")
    assert "texts of width 24, but the text encoders give 16" in refused(home)


def test_a_scheduler_that_predicts_something_else(home: Path) -> None:
    file = home / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "prediction_type": "flow"}))
    assert "predicts 'flow'" in refused(home)


@pytest.mark.parametrize("device", ["quantum", "cuda:99", ""])
def test_a_device_that_is_not_there(home: Path, device: str) -> None:
    assert f"no device {device!r}" in refused(home, device=device)


def test_nothing_is_fetched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def no(*args: object, **kwargs: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", no)
    load(home)
    shutil.rmtree(home / "tokenizer")
    refused(home)
    refused("runwayml/stable-diffusion-v1-5")


def test_a_folder_may_say_which_guidance_suits_it(home: Path) -> None:
    assert load(home).guidance == 7.5
    (home / "overpaint.json").write_text('{"guidance": 2.5}')
    assert load(home).guidance == 2.5


@pytest.mark.parametrize("said", ['{"guidance": -1}', '{"guidance": "much"}', '{"scale": 3}', "7.5", "[]"])
def test_a_folder_that_says_something_else(home: Path, said: str) -> None:
    (home / "overpaint.json").write_text(said)
    assert "overpaint.json cannot be understood" in refused(home)
