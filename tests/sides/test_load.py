"""Side networks from disk: every layout to the bit, or one sentence."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.kit import shared
from tests.parity import golden_model
from tests.sides.kit import adapter_weights, control_weights, folder, save

from overpaint.errors import UsageError
from overpaint.families.tiny import SHAPES, Shape, tiny
from overpaint.sides import Net, side_net
from overpaint.sides.load import KEPT
from overpaint.sides.tiny import tiny_adapter, tiny_controlnet

convert: Any = import_module("diffusers.loaders.single_file_utils")


def same(one: Net, other: Net) -> bool:
    a, b = one.module.state_dict(), other.module.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_controlnet_in_every_layout(shape: Shape, tmp_path: Path) -> None:
    model, net = shared(shape), tiny_controlnet(shared(shape))
    beside = {"model.diffusion_model.out.2.weight": torch.zeros(4, 8, 3, 3)}
    places = [
        save(tmp_path / "first.safetensors", control_weights(net)),
        save(tmp_path / "bare.safetensors", control_weights(net, "")),
        save(tmp_path / "whole.safetensors", control_weights(net) | beside),
        save(tmp_path / "new.safetensors", net.module.state_dict()),
        folder(tmp_path / "net", net),
    ]
    for place in places:
        found = side_net(place, model)
        assert same(found, net) and found.kind == "controlnet"
    assert len({side_net(place, model).fingerprint for place in places}) == len(places)


def test_a_controlnet_of_the_first_layout_is_read_as_diffusers_reads_it(tmp_path: Path) -> None:
    net = tiny_controlnet(shared())
    weights = control_weights(net)
    stock = convert.convert_controlnet_checkpoint(dict(weights), dict(net.module.config))
    found = side_net(save(tmp_path / "a.safetensors", weights), shared()).module.state_dict()
    own = {name: value for name, value in stock.items() if ".blocks." not in name and "conv_out" not in name}
    assert all(torch.equal(found[name], value) for name, value in own.items() if value is not None)
    assert len(own) > 100


@pytest.mark.parametrize("shape", [*SHAPES, "four levels"])
@pytest.mark.parametrize(("colours", "light"), [(3, False), (1, False), (3, True)])
def test_an_adapter_in_every_layout(shape: Any, colours: int, light: bool, tmp_path: Path) -> None:
    """The light one repeats its last width, as networks of Stable Diffusion do and the tiny ones do not."""
    if light and shape != "four levels":
        return
    model = golden_model() if shape == "four levels" else shared(shape)
    net = tiny_adapter(model, colours, light)
    for place in (
        save(tmp_path / "first.safetensors", adapter_weights(net)),
        save(tmp_path / "named.safetensors", adapter_weights(net, "adapter.")),
        save(tmp_path / "new.safetensors", net.module.state_dict()),
        folder(tmp_path / "net", net),
    ):
        found = side_net(place, model)
        assert same(found, net) and found.kind == "t2i-adapter"


def test_half_precision_is_made_the_models_own(tmp_path: Path) -> None:
    net = tiny_controlnet(shared())
    half = {name: value.half() for name, value in control_weights(net).items()}
    found = side_net(save(tmp_path / "half.safetensors", half), shared())
    assert found.dtype == torch.float32
    assert torch.equal(found.module.conv_in.weight, net.module.conv_in.weight.half().float())


def test_a_file_is_read_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    net = tiny_controlnet(shared())
    place = save(tmp_path / "a.safetensors", control_weights(net))
    first = side_net(place, shared())
    assert side_net(place, shared()) is first and side_net(str(place), shared()) is first
    place.unlink()
    save(place, control_weights(tiny_controlnet(shared(), 0.5)))
    assert side_net(place, shared()).fingerprint != first.fingerprint
    KEPT.let_go()
    assert side_net(place, shared()) is not first


def test_reading_leaves_the_global_random_state_alone(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", tiny_controlnet(tiny()))
    KEPT.let_go()
    state = torch.random.get_rng_state()
    side_net(place, shared())
    assert torch.equal(torch.random.get_rng_state(), state)


def refused(place: Path | str, shape: Any = "sd1") -> str:
    with pytest.raises(UsageError) as caught:
        side_net(place, shared(shape))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_family_is_refused(tmp_path: Path) -> None:
    for made in (tiny_controlnet, tiny_adapter):
        xl = folder(tmp_path / made.__name__, made(shared("sdxl")))
        assert "was not made for sd1 models" in refused(xl)
    control = save(tmp_path / "c.safetensors", control_weights(tiny_controlnet(shared("sdxl"))))
    assert "built unlike others" in refused(control) or "was not made for sd1" in refused(control)
    adapter = save(tmp_path / "a.safetensors", adapter_weights(tiny_adapter(shared())))
    assert "was not made for sdxl models" in refused(adapter, "sdxl")
    assert "Stable Diffusion" in refused(adapter, "pixel")


def test_another_factor_is_refused(tmp_path: Path) -> None:
    net = tiny_controlnet(shared())
    weights = control_weights(net, "")
    deeper = {
        n: v
        for n, v in weights.items()
        if n not in ("input_hint_block.10.weight", "input_hint_block.10.bias")
    }
    deeper |= {
        f"input_hint_block.{k}.{e}": torch.zeros(8, 8, 3, 3) for k in (10, 12, 14) for e in ("weight", "bias")
    }
    assert "makes pictures 8 times smaller, not 4" in refused(save(tmp_path / "a.safetensors", deeper))
    far = folder(tmp_path / "far", tiny_adapter(shared()), downscale_factor=8)
    assert "makes pictures 8 times smaller, not 4" in refused(far)


def test_what_is_not_whole_is_refused(tmp_path: Path) -> None:
    weights = control_weights(tiny_controlnet(shared()))
    one = dict(weights)
    del one["control_model.middle_block_out.0.bias"]
    assert "lacks 1 weights, such as controlnet_mid_block.bias" in refused(
        save(tmp_path / "a.safetensors", one)
    )
    more = {**weights, "control_model.input_blocks.40.0.weight": torch.zeros(1)}
    assert "also holds input_blocks.40.0.weight" in refused(save(tmp_path / "b.safetensors", more))


@pytest.mark.parametrize(
    ("names", "want"),
    [
        (["lllite_unet_input_blocks_1.x"], "ControlNet-LLLite"),
        (["spatial_ch_projs.0.weight", "task_embedding"], "the fuser of CoAdapters"),
        (["control_add_embedding.linear_1.weight", "controlnet_cond_embedding.x"], "several kinds"),
        (["difference", "control_model.x"], "the difference of a ControlNet"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "a whole model and no side network"),
        (["x.lora_down.weight", "x.lora_up.weight"], "a LoRA, which is given by --lora"),
        (["something"], "no ControlNet and no T2I-Adapter"),
    ],
)
def test_other_files_are_named(names: list[str], want: str, tmp_path: Path) -> None:
    place = save(tmp_path / "odd.safetensors", {name: torch.zeros(2, 2) for name in names})
    assert want in refused(place)


def test_other_places_are_named(tmp_path: Path) -> None:
    assert "There is no side network" in refused(tmp_path / "nowhere")
    assert "There is no side network ''" in refused("")
    assert "no config.json" in refused(tmp_path)
    (tmp_path / "a.pth").write_bytes(b"x")
    assert "may run code" in refused(tmp_path / "a.pth")
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text("{}")
    assert "a whole model and no side network" in refused(tmp_path)
    folder(tmp_path / "controlnet", tiny_controlnet(shared()))
    assert side_net(tmp_path, shared()).kind == "controlnet"
    other = folder(tmp_path / "vae", tiny_controlnet(shared()), _class_name="AutoencoderKL")
    assert "a network of the class AutoencoderKL" in refused(other)


def test_an_edit_of_the_settings_is_refused(tmp_path: Path) -> None:
    place = folder(tmp_path / "a", tiny_controlnet(shared()), norm_num_groups="many")
    assert "cannot be read" in refused(place)


def test_a_shelf_of_models_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "canny.safetensors", control_weights(tiny_controlnet(shared())))
    monkeypatch.setenv("OVERPAINT_MODELS", str(tmp_path))
    assert side_net("canny", shared()).name == "canny"


def test_the_cache_of_the_hub_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert "nor in the Hub's cache; fetch it with: hf download owner/control_canny" in refused(
        "owner/control_canny"
    )
    place = tmp_path / "models--owner--control_canny"
    folder(place / "snapshots" / "0123", tiny_controlnet(shared()))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("0123")
    assert side_net("owner/control_canny", shared()).name == "control_canny"


def test_a_side_network_given_as_a_model_is_named(tmp_path: Path) -> None:
    from overpaint.run.loading import load

    control = save(tmp_path / "c.safetensors", control_weights(tiny_controlnet(shared())))
    adapter = save(tmp_path / "a.safetensors", adapter_weights(tiny_adapter(shared())))
    whole = folder(tmp_path / "net", tiny_controlnet(shared()))
    for place, what in ((control, "a ControlNet"), (adapter, "a T2I-Adapter"), (whole, "a ControlNet")):
        with pytest.raises(UsageError, match=f"is {what}, which is given by --control beside a model"):
            load(str(place), device="cpu")
