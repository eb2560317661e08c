"""LoRA files of every layout change the layers they name, by the amount they say, and come off again."""

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests import original
from tests.kit import call, draw, equal, gap
from torch import Tensor
from torch.nn.functional import conv2d

from overpaint.errors import UsageError
from overpaint.families.adapter import Adapter
from overpaint.families.lora import Lora, layers_of
from overpaint.families.lorafile import layer_name
from overpaint.families.sgm import as_diffusers
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.model import Model

diffusers: Any = import_module("diffusers")
CONFIGS: Path = import_module("overpaint.families.single").CONFIGS
QUERY = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
OUT = "up_blocks.0.attentions.0.transformer_blocks.0.attn2.to_out.0"
CONV = "mid_block.resnets.0.conv1"
TEXT = "encoder.layers.1.self_attn.q_proj"


def weight(model: Model, name: str, part: str = "unet") -> Tensor:
    return layers_of(model)[f"{part}:{name.replace('.', '_')}"].weight


def pair(like: Tensor, rank: int = 2, seed: int = 1) -> tuple[Tensor, Tensor]:
    """Up and down for a layer, small."""
    down = draw(rank, *like.shape[1:], seed=seed) * 0.1
    return draw(like.shape[0], rank, *[1] * (like.ndim - 2), seed=seed + 1) * 0.1, down


def product(up: Tensor, down: Tensor) -> Tensor:
    """What a pair adds, by composing its two maps instead of multiplying matrices."""
    if down.ndim == 2:
        return up @ down
    return torch.einsum("or,rikl->oikl", up[:, :, 0, 0], down)


def kohya(model: Model) -> dict[str, Tensor]:
    names = {
        f"lora_unet_{QUERY.replace('.', '_')}": weight(model, QUERY),
        f"lora_unet_{OUT.replace('.', '_')}": weight(model, OUT),
        f"lora_unet_{CONV.replace('.', '_')}": weight(model, CONV),
        f"lora_te_text_model_{TEXT.replace('.', '_')}": weight(model, TEXT, "te"),
    }
    return written(names, ".lora_up.weight", ".lora_down.weight") | {
        f"{name}.alpha": torch.tensor(1.0) for name in names
    }


def peft(model: Model) -> dict[str, Tensor]:
    names = {
        f"unet.{QUERY}": weight(model, QUERY),
        f"unet.{OUT}": weight(model, OUT),
        f"unet.{CONV}": weight(model, CONV),
        f"text_encoder.text_model.{TEXT}": weight(model, TEXT, "te"),
    }
    return written(names, ".lora_B.weight", ".lora_A.weight")


def old_diffusers(model: Model) -> dict[str, Tensor]:
    names = {
        f"unet.{QUERY.replace('attn1.', 'attn1.processor.')}_lora": weight(model, QUERY),
        f"unet.{OUT.replace('attn2.', 'attn2.processor.').removesuffix('.0')}_lora": weight(model, OUT),
        f"unet.{CONV}.lora": weight(model, CONV),
        f"text_encoder.text_model.{TEXT.replace('q_proj', 'to_q')}_lora": weight(model, TEXT, "te"),
    }
    return written(names, ".up.weight", ".down.weight")


def written(names: Mapping[str, Tensor], up: str, down: str) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for k, (name, like) in enumerate(names.items()):
        found[name + up], found[name + down] = pair(like, seed=10 * k)
    return found


def wanted(model: Model, scale: float) -> dict[str, Tensor]:
    """The four weights with the pairs of `written` added."""
    places = ((QUERY, "unet"), (OUT, "unet"), (CONV, "unet"), (TEXT, "te"))
    found: dict[str, Tensor] = {}
    for k, (name, part) in enumerate(places):
        own = weight(model, name, part)
        found[name] = own + scale * product(*pair(own, seed=10 * k))
    return found


def saved(folder: Path, tensors: Mapping[str, Tensor], said: Mapping[str, str] | None = None) -> Path:
    return original.save(folder / "lora.safetensors", tensors, said)


@pytest.mark.parametrize(
    ("layout", "strength"), [(kohya, 0.5), (peft, 1.0), (old_diffusers, 1.0)], ids=lambda x: str(x)[:20]
)
def test_a_lora_adds_its_product_and_comes_off_to_the_bit(
    layout: Callable[[Model], dict[str, Tensor]], strength: float, tmp_path: Path
) -> None:
    model = tiny("sd1")
    before, states = call(model), model.family.text("a cat").states
    new = wanted(model, 0.8 * strength)
    with model.patched(Lora(saved(tmp_path, layout(model)), 0.8)):
        for name, part in ((QUERY, "unet"), (OUT, "unet"), (CONV, "unet"), (TEXT, "te")):
            assert gap(weight(model, name, part), new[name]) < 1e-6
        assert not equal(call(model), before)
        assert gap(model.family.text("a cat").states, states) > 1e-4
    assert equal(call(model), before)
    assert torch.equal(model.family.text("a cat").states, states)


def test_a_lora_is_off_at_strength_zero_and_negative_undoes_positive(tmp_path: Path) -> None:
    model = tiny("sd1")
    before, file = call(model), saved(tmp_path, peft(model))
    with model.patched(Lora(file, 0.0)):
        assert equal(call(model), before)
    with model.patched(Lora(file, 0.7), Lora(file, -0.7)):
        assert gap(call(model)["tgt"].eps, before["tgt"].eps) < 1e-4  # rounding, times the guidance
    assert equal(call(model), before)


def test_it_comes_off_after_an_error_too(tmp_path: Path) -> None:
    model = tiny("sd1")
    before = call(model)
    with pytest.raises(RuntimeError), model.patched(Lora(saved(tmp_path, peft(model)))):
        raise RuntimeError
    assert equal(call(model), before)
    assert not model.patches


def test_half_of_one_stays_on_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, real = tiny("sd1"), Adapter.applied
    before, file = call(model), saved(tmp_path, peft(model))
    done = list[Adapter]()

    def applied(self: Adapter, weight: Tensor, scale: float) -> Tensor:
        done.append(self)
        if len(done) == 3:
            raise KeyboardInterrupt
        return real(self, weight, scale)

    monkeypatch.setattr(Adapter, "applied", applied)
    with pytest.raises(KeyboardInterrupt), model.patched(Lora(file)):
        pytest.fail("it is not on")
    assert len(done) == 3 and equal(call(model), before)


def test_the_core_of_a_convolution(tmp_path: Path) -> None:
    """Three maps in a row (LoCon with a core) act as the one that is folded in."""
    model, name = tiny("sd1"), f"lora_unet_{CONV.replace('.', '_')}"
    own = weight(model, CONV).clone()
    up, mid, down = draw(16, 3, 1, 1, seed=1), draw(3, 2, 3, 3, seed=2), draw(2, 16, 1, 1, seed=3)
    parts = {f"{name}.lora_up.weight": up, f"{name}.lora_mid.weight": mid, f"{name}.lora_down.weight": down}
    x = draw(1, 16, 6, 6, seed=4)
    with model.patched(Lora(saved(tmp_path, parts))):
        change = weight(model, CONV) - own
    assert gap(conv2d(x, change), conv2d(conv2d(conv2d(x, down), mid), up)) < 1e-4


@pytest.mark.parametrize(
    ("said", "strength"),
    [
        ({"unet.lora_alpha": 4, "unet.r": 2}, 2.0),
        ({"unet.lora_alpha": 4, "unet.r": 2, "unet.use_rslora": True}, 4 / 2**0.5),
        ({"unet.lora_alpha": 4, "unet.alpha_pattern": {QUERY: 1}}, 0.5),
        ({"unet.lora_alpha": 4, "unet.alpha_pattern": {"to_q": 1}}, 0.5),
        ({}, 1.0),
    ],
)
def test_alpha_from_the_metadata_of_peft(said: Mapping[str, object], strength: float, tmp_path: Path) -> None:
    model = tiny("sd1")
    own = weight(model, QUERY).clone()
    up, down = pair(own)
    parts = {f"unet.{QUERY}.lora_B.weight": up, f"unet.{QUERY}.lora_A.weight": down}
    file = saved(tmp_path, parts, {"lora_adapter_metadata": json.dumps(said)})
    with model.patched(Lora(file)):
        assert gap(weight(model, QUERY) - own, strength * (up @ down)) < 1e-6


def test_ours_is_what_diffusers_makes_of_the_file(tmp_path: Path) -> None:
    """The prediction of the network with peft's layers inside, against folded weights."""
    pytest.importorskip("peft")
    model, other = tiny("sd1"), tiny("sd1")
    tensors = {k: v for k, v in kohya(model).items() if k.startswith("lora_unet")}
    found, alphas = import_module("diffusers.loaders.lora_conversion_utils").__dict__[
        "_convert_non_diffusers_lora_to_diffusers"
    ](dict(tensors))
    net: Any = other.net
    net.load_lora_adapter(dict(found), prefix="unet", network_alphas=alphas)
    with model.patched(Lora(saved(tmp_path, tensors))):
        ours, theirs = call(model)["src"].eps, call(Model(net, other.family))["src"].eps
    assert gap(ours, theirs) < 1e-4  # rounding, times the guidance
    assert gap(ours, call(model)["src"].eps) > 1e-3


@pytest.mark.parametrize(("shape", "real"), [("sd1", "sd1"), ("sdxl", "sdxl")])
def test_every_layer_of_the_first_layout_is_known(shape: str, real: str) -> None:
    with torch.device("meta"):
        told = json.loads((CONFIGS / real / "unet" / "config.json").read_text())
        net = diffusers.UNet2DConditionModel.from_config(told)
    layers = [n for n, m in net.named_modules() if isinstance(m, torch.nn.Linear | torch.nn.Conv2d)]
    for name in layers:
        first = original.unet_name(name, net.config).replace(".", "_")
        assert as_diffusers(first) == name.replace(".", "_")
    assert as_diffusers("down_blocks_0_resnets_0_conv1") == "down_blocks_0_resnets_0_conv1"


@pytest.mark.parametrize("shape", SHAPES)
def test_both_text_encoders_have_layers(shape: Shape) -> None:
    layers = layers_of(tiny(shape))
    assert layer_name(f"lora_te1_text_model_{TEXT.replace('.', '_')}") in layers
    assert layer_name(f"text_encoder.{TEXT}") in layers
    assert (layer_name(f"lora_te2_text_model_{TEXT.replace('.', '_')}") in layers) == (shape == "sdxl")
    assert (layer_name("text_encoder_2.text_projection") in layers) == (shape == "sdxl")
    assert layer_name(f"base_model.model.{QUERY.replace('blocks.0', 'blocks.1', 1)}") in layers


def refused(tensors: Mapping[str, Tensor], folder: Path, said: Mapping[str, str] | None = None) -> str:
    model = tiny("sd1")
    before = call(model)
    with pytest.raises(UsageError) as caught, model.patched(Lora(saved(folder, tensors, said))):
        pass
    assert equal(call(model), before)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("lora_unet_x.lokr_t1", "LoKr with a core on its small side"),
        ("base_model.model.x.vera_lambda_b", "VeRA"),
        ("lora_unet_x.oft_blocks", "OFT"),
        ("lora_unet_x.diff", "full differences"),
        ("lora_unet_x.a1.weight", "GLoRA"),
    ],
)
def test_relatives_are_refused_by_name(name: str, kind: str, tmp_path: Path) -> None:
    assert f"holds {kind}; LoRA, LoCon, LoHa, LoKr and DoRA are read" in refused(
        {name: torch.ones(2, 2)}, tmp_path
    )


def test_a_lora_that_fits_no_layer_is_no_silent_one(tmp_path: Path) -> None:
    up, down = torch.ones(8, 2), torch.ones(2, 8)
    parts = {"unet.no.such.layer.lora_B.weight": up, "unet.no.such.layer.lora_A.weight": down}
    assert "1 of its 1 layers, such as unet:no_such_layer, are not in this model" in refused(parts, tmp_path)
    odd = {f"unet.{QUERY}.lora_B.weight": torch.ones(9, 2), f"unet.{QUERY}.lora_A.weight": down}
    assert "have another size in this model" in refused(odd, tmp_path)


@pytest.mark.parametrize(
    ("width", "said", "family"),
    [
        (2048, {}, "SDXL"),
        (1024, {}, "SD 2.x"),
        (5, {"ss_base_model_version": "sdxl_base_v1-0"}, "SDXL"),
        (5, {"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "SD 2.x"),
    ],
)
def test_a_lora_of_another_family_says_so(
    width: int, said: Mapping[str, str], family: str, tmp_path: Path
) -> None:
    name = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    parts = {f"{name}.lora_up.weight": torch.ones(8, 2), f"{name}.lora_down.weight": torch.ones(2, width)}
    assert f"does not fit tiny-sd1 (sd1): it was made for {family}." in refused(parts, tmp_path, said)


def test_files_that_are_not_whole(tmp_path: Path) -> None:
    up, down = torch.ones(8, 2), torch.ones(2, 8)
    assert "is not whole" in refused({f"unet.{QUERY}.lora_B.weight": up}, tmp_path)
    assert "is not whole" in refused(
        {f"lora_unet_{QUERY.replace('.', '_')}.alpha": torch.tensor(1.0)}, tmp_path
    )
    bad = {f"unet.{QUERY}.lora_B.weight": up * float("nan"), f"unet.{QUERY}.lora_A.weight": down}
    assert "not numbers" in refused(bad, tmp_path)
    assert "are no LoRA, such as emb_params" in refused({"emb_params": torch.ones(1, 24)}, tmp_path)
    odd = {f"unet.{QUERY}.lora_B.weight": up, f"unet.{QUERY}.lora_A.weight": down}
    assert "cannot be understood" in refused(odd, tmp_path, {"lora_adapter_metadata": "[]"})


def test_a_model_that_reads_no_texts(tmp_path: Path) -> None:
    name, model = f"text_encoder.{TEXT}", tiny("pixel")
    file = saved(tmp_path, {f"{name}.lora_B.weight": draw(24, 2), f"{name}.lora_A.weight": draw(2, 24)})
    with pytest.raises(UsageError, match="are not in this model"), model.patched(Lora(file)):
        pass
