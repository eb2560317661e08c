"""Text and guided walks against the pipelines of the installed diffusers, on the same tiny modules."""

from functools import cache
from importlib import import_module
from typing import Any

import pytest
import torch
from tests import kit
from tests.kit import draw, gap, shared, text

from overpaint.families.tiny import _SCHEDULE  # pyright: ignore[reportPrivateUsage]
from overpaint.guides import CFG
from overpaint.model import Branch
from overpaint.sample import denoise

diffusers: Any = import_module("diffusers")
PROMPTS = ("a cat on the grass", "tiger at night, zebra", "")


@cache
def stock(shape: Any) -> Any:
    """The stock pipeline with the modules of our tiny model inside."""
    model, family = shared(shape), shared(shape).family
    parts: Any = family
    scheduler = diffusers.DDIMScheduler.from_config({**_SCHEDULE, "prediction_type": family.schedule.kind})
    shown = {"vae": parts.codec.vae, "unet": model.net, "scheduler": scheduler}
    shown |= {"text_encoder": parts.encoders[0], "tokenizer": parts.tokenizers[0]}
    if shape == "sdxl":
        second = {"text_encoder_2": parts.encoders[1], "tokenizer_2": parts.tokenizers[1]}
        pipe = diffusers.StableDiffusionXLPipeline(**shown, **second, add_watermarker=False)
    else:
        off = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
        pipe = diffusers.StableDiffusionPipeline(**shown, **off)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.mark.parametrize("shape", kit.SHAPES)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_text_is_that_of_the_pipeline(shape: Any, prompt: str) -> None:
    found = text(shape, prompt)
    asked: dict[str, Any] = {"device": "cpu", "num_images_per_prompt": 1, "do_classifier_free_guidance": True}
    want = stock(shape).encode_prompt(prompt, **asked)
    assert torch.equal(found.states, want[0])
    assert torch.equal(shared(shape).family.null().states, want[1])
    if shape == "sdxl":
        assert found.pooled is not None
        assert torch.equal(found.pooled, want[2])
        assert want[3].abs().max() == 0


@pytest.mark.parametrize("shape", kit.SHAPES)
def test_a_guided_walk_is_that_of_the_pipeline(shape: Any) -> None:
    model, x, prompt = shared(shape), draw(1, 4, 8, 8), "a cat on the grass"
    asked = {"num_inference_steps": 4, "guidance_scale": 5.0, "output_type": "latent"}
    want = stock(shape)(prompt, latents=x.clone(), **asked).images
    guide = CFG(text(shape, prompt), model.family.null(), 5.0)
    got = denoise(model, model.path(4), {"t": x}, [Branch("t", guide)])["t"]
    assert gap(got, want) <= 1e-4 * float(want.abs().max())


def test_a_picture_is_that_of_the_pipeline() -> None:
    model, x = shared("sd1"), draw(1, 4, 8, 12)
    asked = {"num_inference_steps": 3, "guidance_scale": 5.0, "output_type": "pt", "height": 32, "width": 48}
    want = stock("sd1")("a cat", latents=x.clone(), **asked).images
    guide = CFG(text("sd1", "a cat"), text("sd1", ""), 5.0)
    latents = denoise(model, model.path(3), {"t": x}, [Branch("t", guide)])["t"]
    assert gap((model.family.decode(latents) / 2 + 0.5).clamp(0, 1), want) <= 1e-4
