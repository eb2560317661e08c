"""Checkpoints in one file: loaded bit by bit, or refused in one sentence."""

import json
import re
from collections.abc import Callable, Generator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import original
from tests.checkpoints import CASES, Case, compared, tiny_configs, written
from tests.kit import call, equal

from overpaint.errors import UsageError
from overpaint.families.original import TITLES, layout_of
from overpaint.families.single import CONFIGS
from overpaint.families.tiny import Shape, tiny
from overpaint.families.vocabulary import CLIP, vocabulary_in
from overpaint.files.weightfile import read_header
from overpaint.run.loading import load
from overpaint.stilllife.tokenizer import FOLDER

diffusers: Any = import_module("diffusers")
transformers: Any = import_module("transformers")
convert: Any = import_module("diffusers.loaders.single_file_utils")
QUICK = "SD 1.x|.*e4m3fn.*|.*leftovers|SD 2.x, marked v_pred|SD 2.x, inpainting|SDXL, marked.*"
BY_SPEED = [
    pytest.param(case, id=case.title, marks=() if re.fullmatch(QUICK, case.title) else pytest.mark.slow)
    for case in CASES
]
TENSORS = torch.Tensor


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path, None, None]:
    """A folder with a tokenizer, and tiny configurations in place of the real ones."""
    folder = tmp_path_factory.mktemp("single")
    with tiny_configs(folder):
        yield folder


@pytest.fixture(scope="module")
def sd1(place: Path) -> dict[str, TENSORS]:
    """The weights of the smallest checkpoint."""
    return original.weights_of(tiny("sd1"))


@pytest.fixture
def refused(place: Path) -> Callable[..., str]:
    """The sentence with which these weights are refused."""

    def attempt(weights: dict[str, TENSORS], **more: Any) -> str:
        file = original.save(place / "odd.safetensors", weights)
        with pytest.raises(UsageError) as caught:
            load(str(file), device="cpu", **more)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return attempt


@pytest.mark.parametrize("case", BY_SPEED)
def test_a_checkpoint_is_the_network_it_was_written_from(case: Case, place: Path) -> None:
    row = compared(case, place)
    assert (row.original, row.diffusers) == (0, 0)
    assert row.family == case.shape + ("-inpaint" if case.extra else "")
    assert row.predicts == case.predicts


def test_a_mark_for_zero_snr_is_followed(place: Path) -> None:
    _, file = written(next(case for case in CASES if "ztsnr" in case.keys), place)
    assert float(load(str(file), device="cpu").path(10).alpha[0]) == pytest.approx(0, abs=1e-4)


# Published counts of the networks' weights.
SIZES = {
    ("sd1", "unet"): 859_520_964,
    ("sd2", "unet"): 865_910_724,
    ("sdxl", "unet"): 2_567_463_684,
    ("sd1", "vae"): 83_653_863,
    ("sdxl", "vae"): 83_653_863,
    ("sd1", "text_encoder"): 123_060_480,
    ("sd2", "text_encoder"): 340_387_840,
    ("sdxl", "text_encoder"): 123_060_480,
    ("sdxl", "text_encoder_2"): 694_659_840,
}


def real(shape: str, part: str) -> Any:
    """A network of the size that was published, without its weights."""
    told = json.loads((CONFIGS / shape / part / "config.json").read_text())
    with torch.device("meta"):
        if part == "unet":
            return diffusers.UNet2DConditionModel.from_config(told)
        if part == "vae":
            return diffusers.AutoencoderKL.from_config(told)
        kind = transformers.CLIPTextModelWithProjection if part[-1] == "2" else transformers.CLIPTextModel
        return kind(transformers.CLIPTextConfig(**told))


@pytest.mark.parametrize(("shape", "part"), SIZES)
def test_the_configurations_are_those_of_the_published_networks(shape: str, part: str) -> None:
    assert sum(p.numel() for p in real(shape, part).parameters()) == SIZES[shape, part]


@pytest.mark.parametrize(("shape", "count"), [("sd1", 686), ("sd2", 686), ("sdxl", 1680)])
def test_every_weight_of_the_published_size_is_found(shape: str, count: int) -> None:
    net = real(shape, "unet")
    weights = original.unet_weights(net)
    assert len(weights) == count
    found = convert.convert_ldm_unet_checkpoint(dict(weights), dict(net.config))
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in net.state_dict().items()}


def test_sd2_has_to_be_told(place: Path) -> None:
    weights = original.weights_of(tiny("sd2"))
    file = original.save(place / "two.safetensors", weights)
    with pytest.raises(
        UsageError, match="768 pixels predict v, those for 512 epsilon; write --prediction v or"
    ):
        load(str(file), device="cpu")
    one, other = (load(str(file), device="cpu", prediction=p) for p in ("epsilon", "v"))
    assert [m.path(4).kind for m in (one, other)] == ["epsilon", "v_prediction"]
    assert one.fingerprint != other.fingerprint


def test_a_first_step_that_was_left_out_of_names(place: Path, sd1: dict[str, TENSORS]) -> None:
    short = {k.replace("transformer.text_model.", "transformer."): v for k, v in sd1.items()}
    file = original.save(place / "short.safetensors", short)
    assert equal(call(load(str(file), device="cpu")), call(tiny("sd1")))


def test_the_file_may_go_once_it_is_loaded(place: Path, sd1: dict[str, TENSORS]) -> None:
    file = original.save(place / "gone.safetensors", sd1)
    model = load(str(file), device="cpu")
    file.write_bytes(b"\0" * file.stat().st_size)
    assert equal(call(model), call(tiny("sd1")))


@pytest.mark.parametrize(
    ("start", "says"),
    [
        ("model.diffusion_model.", "lacks the network"),
        ("first_stage_model.", "lacks the autoencoder"),
        ("cond_stage_model.", "lacks its text encoder"),
        ("model.diffusion_model.middle_block.1.norm.weight", "lacks 1 weights of SD 1.x"),
        ("first_stage_model.decoder.conv_in.bias", "lacks 1 weights of SD 1.x"),
        ("cond_stage_model.transformer.text_model.encoder.layers.1.", "weights of SD 1.x, such as encoder"),
    ],
)
def test_a_part_that_is_missing(
    sd1: dict[str, TENSORS], refused: Callable[..., str], start: str, says: str
) -> None:
    assert says in refused({k: v for k, v in sd1.items() if not k.startswith(start)})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("model.diffusion_model.adapter.weight", torch.ones(2), "has no place for"),
        ("model.diffusion_model.input_blocks.1.1.extra.weight", torch.ones(2), "has no place for, such as"),
        ("model.diffusion_model.label_emb.0.0.weight", torch.ones(2), "wants more than a prompt"),
        ("edm_mean", torch.ones(2), "noise of another kind"),
        ("model.diffusion_model.out.2.weight", torch.ones(4, 8, 1, 1), "no SD 1.x of the usual size"),
        ("model.diffusion_model.input_blocks.0.0.weight", torch.ones(8, 7, 3, 3), "takes 7 channels"),
        ("model.diffusion_model.scaled_fp8", torch.ones(2), "eight bits with scales"),
    ],
)
def test_a_network_of_another_kind(
    sd1: dict[str, TENSORS], refused: Callable[..., str], name: str, value: TENSORS, says: str
) -> None:
    assert says in refused({**sd1, name: value})


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("model.diffusion_model.joint_blocks.0.x", "is a Stable Diffusion 3 network"),
        ("double_blocks.0.x", "is a Flux network"),
        ("control_model.x", "is a ControlNet"),
        ("conditioner.embedders.0.model.x", "is the SDXL refiner"),
        ("conditioner.embedders.1.model.x", "lacks one of the two text encoders"),
        ("lora_unet_x.lora_down.weight", "is a LoRA, which is given by --lora"),
        ("unet.x.lora_A.weight", "is a LoRA, which is given by --lora"),
        ("emb_params", "is a textual inversion, which is given by --embedding"),
        ("down_blocks.0.x", "in the layout of diffusers"),
        ("decoder.x", "is an autoencoder alone"),
        ("something", "its tensors have other names"),
    ],
)
def test_a_file_that_is_no_checkpoint(refused: Callable[..., str], name: str, says: str) -> None:
    assert says in refused({name: torch.ones(2)})


def test_a_tokenizer_is_found_or_asked_for(
    tmp_path: Path, place: Path, sd1: dict[str, TENSORS], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    file = original.save(tmp_path / "alone.safetensors", sd1)
    with pytest.raises(
        UsageError, match="holds no tokenizer and there is none on this machine: name a folder"
    ):
        load(str(file), device="cpu")
    asked = load(str(file), device="cpu", tokenizer=place / "tokenizer")
    assert asked.origin.tokenizer == str(place / "tokenizer")
    snapshot = tmp_path / "hub" / "models--openai--clip" / "snapshots" / "abc"
    family: Any = tiny("sd1").family
    family.tokenizers[0].save_pretrained(snapshot)
    found = load(str(file), device="cpu")
    assert found.origin.tokenizer == str(snapshot)
    assert torch.equal(found.family.text("a tiger").states, asked.family.text("a tiger").states)


def test_a_tokenizer_of_another_model(place: Path, tmp_path: Path) -> None:
    file = str(place / "odd.safetensors")
    original.save(Path(file), original.weights_of(tiny("sd1")))
    with pytest.raises(UsageError, match="belongs to another model"):
        load(file, device="cpu", tokenizer=FOLDER)
    with pytest.raises(UsageError, match="There is no tokenizer in"):
        load(file, device="cpu", tokenizer=tmp_path)


@pytest.mark.parametrize("shape", ["sd1", "sd2", "sdxl"])
def test_the_layout_is_known_without_reading_weights(shape: Shape, tmp_path: Path) -> None:
    file = original.save(tmp_path / "x.safetensors", original.weights_of(tiny(shape)))
    layout = layout_of(read_header(file), file)
    assert layout.shape == shape and layout.shape in TITLES
    assert layout.prediction == (None if shape == "sd2" else "epsilon")


def test_the_vocabulary_of_clip_is_shipped() -> None:
    from transformers import CLIPTokenizer

    kind: Any = CLIPTokenizer
    tokenizer = kind.from_pretrained(CLIP, local_files_only=True)
    assert len(tokenizer) == 49408
    assert tokenizer("A photo of a cat!").input_ids == [49406, 320, 1125, 539, 320, 2368, 256, 49407]
    assert vocabulary_in(CLIP) == CLIP
