"""CycleDiffusion against the pipeline of the installed diffusers, on the same tiny modules."""

from importlib import import_module
from typing import Any

import pytest
import torch
from tests.kit import draw, gap, precise, shared
from tests.oracles.frozen import CLOSE, kept
from tests.oracles.test_pipelines import stock
from torch import Tensor

from overpaint.inversions import Cycle
from overpaint.methods.cycle import CycleEdit
from overpaint.model import Model
from overpaint.noise import Replay
from overpaint.task import Task

diffusers: Any = import_module("diffusers")
PARTS = "vae", "text_encoder", "tokenizer", "unet", "safety_checker", "feature_extractor"

SOURCE, TARGET = "a cat on the grass", "a dog on the grass"
CASES = [(0.1, 1.0), (0.1, 2.0), (1.0, 1.0), (1.0, 2.0)]


def pipeline() -> Any:
    """With a fresh scheduler, as it keeps what it was set to."""
    own = stock("sd1").components
    scheduler = diffusers.DDIMScheduler.from_config(own["scheduler"].config)
    parts = {name: own[name] for name in PARTS}
    found = diffusers.CycleDiffusionPipeline(**parts, scheduler=scheduler, requires_safety_checker=False)
    found.set_progress_bar_config(disable=True)
    return found


def of_pipeline(eta: float, guidance: float) -> Tensor:
    """The pipeline takes its draws from one generator: the start, then one a step but the last."""
    asked = {"strength": 0.8, "num_inference_steps": 5, "guidance_scale": guidance, "eta": eta}
    seeded = {"generator": torch.Generator().manual_seed(3), "output_type": "latent"}
    return pipeline()(TARGET, SOURCE, draw(1, 4, 8, 8, seed=5), **asked, **seeded).images


def own(model: Model, eta: float, guidance: float) -> Tensor:
    """The same by this package, with the same draws."""
    x0, generator = draw(1, 4, 8, 8, seed=5).to(model.dtype), torch.Generator().manual_seed(3)
    draws = {("cycle", 4 - i): torch.randn(tuple(x0.shape), generator=generator) for i in range(4)}
    texts = model.family.text(SOURCE), model.family.text(TARGET)
    given = Task((1, 4, 8, 8), model.family.null(), Replay(draws), x0, *texts)
    method = CycleEdit(steps=5, guidance=guidance, inversion=Cycle(skip=0.2, eta=eta))
    with torch.no_grad():
        return method(model, given).latents[0]


def theirs() -> dict[str, Tensor]:
    """What is kept of the pipeline."""
    return {f"eta {eta}, guidance {guidance}": of_pipeline(eta, guidance) for eta, guidance in CASES}


@pytest.mark.parametrize(("eta", "guidance"), CASES)
def test_it_is_the_pipeline_of_diffusers(eta: float, guidance: float) -> None:
    want = of_pipeline(eta, guidance)
    assert gap(own(shared(), eta, guidance), want) <= 1e-4 * float(want.abs().max())


@pytest.mark.parametrize(("eta", "guidance"), CASES)
def test_it_is_what_the_pipeline_gave(eta: float, guidance: float) -> None:
    want = kept("cycle")[f"eta {eta}, guidance {guidance}"]
    assert gap(own(precise(), eta, guidance), want) <= CLOSE * float(want.abs().max())
