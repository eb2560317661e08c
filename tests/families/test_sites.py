"""Where attention happens: order, numbering, strides."""

from functools import cache
from importlib import import_module
from typing import Any, cast

import pytest
import torch
from tests import kit
from tests.kit import call, shared
from torch import nn

from overpaint.attention import Control, Heads, Moment, Site
from overpaint.families.sites import sites_of
from overpaint.model import Model

diffusers: Any = import_module("diffusers")


@cache
def sd1() -> nn.Module:
    """The layout of Stable Diffusion 1: four levels of two layers, no attention at the lowest; thin."""
    down, up = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
    return diffusers.UNet2DConditionModel(
        down_block_types=(down, down, down, "DownBlock2D"),
        up_block_types=("UpBlock2D", up, up, up),
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=2,
        attention_head_dim=2,
        norm_num_groups=4,
        cross_attention_dim=8,
    )


def of(kind: str) -> list[Site]:
    return [site for site in sites_of(sd1()) if site.kind == kind]


@pytest.mark.parametrize("kind", ["self", "cross"])
def test_stable_diffusion_has_sixteen_of_each(kind: str) -> None:
    sites = of(kind)
    assert [site.nth for site in sites] == list(range(16))
    assert [site.place for site in sites] == ["down"] * 6 + ["mid"] + ["up"] * 9
    assert [site.stride for site in sites] == [1, 1, 2, 2, 4, 4, 8, 4, 4, 4, 2, 2, 2, 1, 1, 1]


def test_published_layer_numbers_are_where_they_should_be() -> None:
    """Mutual self-attention starts at layer 10, which is the first one on the way up at a map of 32 by 32."""
    tenth = of("self")[10]
    assert tenth.name == "up_blocks.2.attentions.0.transformer_blocks.0.attn1"
    assert Moment(height=64, width=64).side(tenth) == 32
    assert of("cross")[6].name == "mid_block.attentions.0.transformer_blocks.0.attn2"


@pytest.mark.parametrize("net", ["sd1", "sdxl"])
def test_layers_are_those_of_the_residual_block_before(net: str) -> None:
    """Also where a block has no attention, or attends several times."""
    sites = sites_of(sd1() if net == "sd1" else shared("sdxl").net)
    for site in sites:
        block, _, inner = site.name.partition(".resnets." if site.kind == "conv" else ".attentions.")
        twin = f"{block}.resnets.{inner.partition('.')[0]}.conv2"
        assert site.layer == next(s.layer for s in sites if s.name == twin)
    for place in ("down", "mid", "up"):
        own = [s.layer for s in sites if s.place == place and s.kind == "conv"]
        assert own == list(range(len(own)))


def test_the_published_sites_of_plug_and_play() -> None:
    assert [s.name for s in of("conv") if (s.place, s.layer) == ("up", 4)] == ["up_blocks.1.resnets.1.conv2"]
    maps = [s.name.partition(".transformer")[0] for s in of("self") if s.place == "up" and s.layer >= 4]
    assert maps == [f"up_blocks.{b}.attentions.{k}" for b in (1, 2, 3) for k in range(b == 1, 3)]


def test_residual_blocks_are_sites_at_the_end_of_their_branch() -> None:
    sites = of("conv")
    assert [site.place for site in sites] == ["down"] * 8 + ["mid"] * 2 + ["up"] * 12
    assert [site.stride for site in sites if site.place == "up"] == [8] * 3 + [4] * 3 + [2] * 3 + [1] * 3
    assert "up_blocks.1.resnets.1.conv2" in [site.name for site in sites]
    assert all(isinstance(site.module, nn.Conv2d) for site in sites)


class Asked(Control):
    """Notes the order in which layers ask."""

    def __init__(self) -> None:
        self.heads: list[Site] = []
        self.convs: list[Site] = []

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        self.heads.append(site)
        return q, k, v

    def out(self, site: Site, at: Moment, o: torch.Tensor) -> torch.Tensor:
        if site.kind == "conv":
            self.convs.append(site)
            assert o.shape[-2:] == at.canvas(site)
        return o


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_numbers_follow_execution(shape: Any) -> None:
    model, asked = shared(shape), Asked()
    with model.control(asked):
        call(model)
    for kind in ("self", "cross"):
        order = [site for site in asked.heads if site.kind == kind]
        assert order == [site for site in model.tap.sites if site.kind == kind]
    assert asked.convs == [site for site in model.tap.sites if site.kind == "conv"]


def test_stacked_transformer_blocks_are_sites_of_their_own() -> None:
    names = [site.name for site in shared("sdxl").tap.sites if site.kind == "self"]
    assert "mid_block.attentions.0.transformer_blocks.1.attn1" in names


def test_a_compiled_wrapper_has_the_sites_of_what_it_wraps() -> None:
    model = shared()
    wrapped = cast(Any, torch).compile(model.net, backend="eager")
    assert Model(wrapped, model.family).tap.sites == model.tap.sites
