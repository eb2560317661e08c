"""CycleDiffusion against the pipeline of the installed diffusers, on the same tiny modules."""

from importlib import import_module
from typing import Any

import pytest
import torch
from tests.kit import draw, gap, shared, text
from tests.oracles.test_pipelines import stock

from overpaint.inversions import Cycle
from overpaint.methods.cycle import CycleEdit
from overpaint.noise import Replay
from overpaint.task import Task

diffusers: Any = import_module("diffusers")
PARTS = "vae", "text_encoder", "tokenizer", "unet", "safety_checker", "feature_extractor"


def pipeline() -> Any:
    """With a fresh scheduler, as it keeps what it was set to."""
    own = stock("sd1").components
    scheduler = diffusers.DDIMScheduler.from_config(own["scheduler"].config)
    parts = {name: own[name] for name in PARTS}
    found = diffusers.CycleDiffusionPipeline(**parts, scheduler=scheduler, requires_safety_checker=False)
    found.set_progress_bar_config(disable=True)
    return found


@pytest.mark.parametrize("eta", [0.1, 1.0])
@pytest.mark.parametrize("guidance", [1.0, 2.0])
def test_it_is_the_pipeline_of_diffusers(eta: float, guidance: float) -> None:
    """The pipeline takes its draws from one generator: the start, then one a step but the last."""
    source, target, x0 = "a cat on the grass", "a dog on the grass", draw(1, 4, 8, 8, seed=5)
    asked = {"strength": 0.8, "num_inference_steps": 5, "guidance_scale": guidance, "eta": eta}
    seeded = {"generator": torch.Generator().manual_seed(3), "output_type": "latent"}
    want = pipeline()(target, source, x0.clone(), **asked, **seeded).images
    generator = torch.Generator().manual_seed(3)
    draws = {("cycle", 4 - i): torch.randn(x0.shape, generator=generator) for i in range(4)}
    texts = text("sd1", source), text("sd1", target)
    given = Task((1, 4, 8, 8), shared().family.null(), Replay(draws), x0, *texts)
    method = CycleEdit(steps=5, guidance=guidance, inversion=Cycle(skip=0.2, eta=eta))
    with torch.no_grad():
        got = method(shared(), given).latents[0]
    assert gap(got, want) <= 1e-4 * float(want.abs().max())
