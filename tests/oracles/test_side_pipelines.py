"""Side networks against the pipelines of the installed diffusers, on the same tiny modules."""

from importlib import import_module
from inspect import signature
from typing import Any

import pytest
import torch
from tests import kit
from tests.kit import draw, gap, shared, text
from tests.oracles.test_pipelines import stock

from overpaint.guides import CFG
from overpaint.model import Branch
from overpaint.path import Latent
from overpaint.sample import denoise
from overpaint.sides import Control, ControlNet, T2IAdapter
from overpaint.sides.tiny import tiny_adapter, tiny_controlnet

diffusers: Any = import_module("diffusers")
PROMPT, STEPS, SCALE = "a cat on the grass", 4, 5.0
PICTURES = [torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(k)) for k in (0, 1)]


def walked(shape: Any, *sides: Any) -> Latent:
    model, guide = shared(shape), CFG(text(shape, PROMPT), shared(shape).family.null(), SCALE)
    with torch.no_grad(), model.side(*sides):
        return denoise(model, model.path(STEPS), {"t": draw(1, 4, 8, 8)}, [Branch("t", guide)])["t"]


def piped(shape: Any, kind: str, **more: Any) -> Any:
    """What a pipeline with side networks gives."""
    own, name = stock(shape), f"StableDiffusion{'XL' if shape == 'sdxl' else ''}{kind}Pipeline"
    nets, asked = (
        more.pop("nets"),
        {"num_inference_steps": STEPS, "guidance_scale": SCALE, "output_type": "latent"},
    )
    kind_of = getattr(diffusers, name)
    parts = {name: part for name, part in own.components.items() if name in signature(kind_of).parameters}
    pipe = kind_of(**{**parts, **nets})
    pipe.set_progress_bar_config(disable=True)
    with torch.no_grad():
        return pipe(PROMPT, latents=draw(1, 4, 8, 8), height=32, width=32, **asked, **more).images


@pytest.mark.parametrize("shape", kit.SHAPES)
@pytest.mark.parametrize(("start", "stop"), [(0.0, 1.0), (0.25, 0.75)])
def test_a_controlnet(shape: Any, start: float, stop: float) -> None:
    net = tiny_controlnet(shared(shape))
    want = piped(
        shape,
        "ControlNet",
        nets={"controlnet": net.module},
        image=PICTURES[0],
        controlnet_conditioning_scale=0.7,
        control_guidance_start=start,
        control_guidance_end=stop,
    )
    got = walked(shape, ControlNet(net, PICTURES[0], Control(scale=0.7, start=start, stop=stop)))
    assert gap(got, want) <= 1e-4 * float(want.abs().max())


@pytest.mark.parametrize("shape", ["sd1", "sdxl"])
def test_guess_mode(shape: Any) -> None:
    net = tiny_controlnet(shared(shape))
    want = piped(shape, "ControlNet", nets={"controlnet": net.module}, image=PICTURES[0], guess_mode=True)
    got = walked(shape, ControlNet(net, PICTURES[0], Control(guess="logspace")))
    assert gap(got, want) <= 1e-4 * float(want.abs().max())


def test_two_controlnets() -> None:
    nets = [tiny_controlnet(shared()), tiny_controlnet(shared(), 0.5)]
    want = piped(
        "sd1",
        "ControlNet",
        nets={"controlnet": [one.module for one in nets]},
        image=PICTURES,
        controlnet_conditioning_scale=[0.7, 1.2],
        control_guidance_start=[0.0, 0.25],
        control_guidance_end=[0.5, 1.0],
    )
    hows = Control(scale=0.7, stop=0.5), Control(scale=1.2, start=0.25)
    sides = [ControlNet(*one) for one in zip(nets, PICTURES, hows, strict=True)]
    assert gap(walked("sd1", *sides), want) <= 1e-4 * float(want.abs().max())


def test_a_condition_that_is_averaged() -> None:
    net = tiny_controlnet(shared())
    module: Any = net.module
    module.register_to_config(global_pool_conditions=True)
    want = piped("sd1", "ControlNet", nets={"controlnet": module}, image=PICTURES[0])
    assert gap(walked("sd1", ControlNet(net, PICTURES[0])), want) <= 1e-4 * float(want.abs().max())


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_an_adapter(shape: Any) -> None:
    net = tiny_adapter(shared(shape))
    share = {"adapter_conditioning_factor": 0.7} if shape == "sdxl" else {}
    want = piped(
        shape,
        "Adapter",
        nets={"adapter": net.module},
        image=PICTURES[0],
        adapter_conditioning_scale=0.8,
        **share,
    )
    how = Control(scale=0.8, stop=share.get("adapter_conditioning_factor", 1.0), rounding="diffusers")
    assert gap(walked(shape, T2IAdapter(net, PICTURES[0], how)), want) <= 1e-4 * float(want.abs().max())
