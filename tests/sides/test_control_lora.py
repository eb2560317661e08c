"""ControlNets of few numbers: read in both layouts, and only beside the network they were made from."""

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from tests.kit import draw, shared
from tests.sides.kit import control_name, save
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.tiny import tiny
from overpaint.sides.control_lora import DOWN, KNOWN, MARK, UP, restored
from overpaint.sides.load import side_net
from overpaint.sides.tiny import tiny_controlnet

OWN = ("controlnet_cond_embedding.", "controlnet_down_blocks.", "controlnet_mid_block.")


def small() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """What a file holds by the names of diffusers, and the network that it stands for."""
    base = cast(Any, shared()).net.state_dict()
    net = tiny_controlnet(shared()).module.state_dict()
    found: dict[str, Tensor] = {MARK: torch.zeros(0)}
    whole = dict[str, Tensor]()
    for k, (name, value) in enumerate(net.items()):
        if name.startswith(OWN):
            found[name] = whole[name] = value
        elif name.endswith("attn1.to_q.weight") or name.endswith("conv1.weight"):
            up, down = draw(len(value), 2, seed=k), 0.1 * draw(2, value[0].numel(), seed=k + 1)
            layer = name.removesuffix(".weight")
            found |= {layer + UP: up, layer + DOWN: down}
            whole[name] = base[name] + (up @ down).view_as(value)
        elif name.endswith("bias"):
            found[name] = whole[name] = base[name] + 0.1
        else:
            whole[name] = base[name]
    return found, whole


def first(name: str) -> str:
    """The name that a weight had at first; factors are named like the weight of their layer."""
    if name == MARK:
        return name
    layer, _, end = name.rpartition(".")
    known = "weight" if f".{end}" in (UP, DOWN) else end
    named = control_name(f"{layer}.{known}", tiny_controlnet(shared()).module.config)
    return f"{named.removesuffix(known)}{end}"


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_it_is_read_in_both_layouts(layout: str, tmp_path: Path) -> None:
    found, whole = small()
    named = found if layout == "diffusers" else {first(name): value for name, value in found.items()}
    made = side_net(save(tmp_path / "canny.safetensors", named), shared()).module.state_dict()
    assert made.keys() == whole.keys()
    for name, value in whole.items():
        torch.testing.assert_close(made[name], value, rtol=1e-6, atol=1e-6, msg=name)


def test_it_belongs_to_the_network_it_was_made_from(tmp_path: Path) -> None:
    found, _ = small()
    known = cast(Any, shared()).net.conv_in.bias.detach().half()
    place = save(tmp_path / "own.safetensors", {**found, KNOWN: known})
    assert side_net(place, shared()).kind == "controlnet"
    other = save(tmp_path / "other.safetensors", {**found, KNOWN: known + 1})
    with pytest.raises(UsageError, match="made as a change of another network"):
        side_net(other, shared())
    with pytest.raises(UsageError, match=r"was not made for sdxl models"):
        side_net(place, shared("sdxl"))


def test_it_is_read_anew_for_other_weights_of_the_same_shape(tmp_path: Path) -> None:
    place = save(tmp_path / "a.safetensors", small()[0])
    model = tiny()
    one = side_net(place, model)
    with torch.no_grad():
        cast(Any, model).net.conv_in.weight.mul_(2)
    del model.fingerprint
    two = side_net(place, model)
    assert not torch.equal(one.module.conv_in.weight, two.module.conv_in.weight)


def test_what_the_base_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        restored({"x.up": torch.zeros(2, 1), "x.down": torch.zeros(1, 2)}, {})
