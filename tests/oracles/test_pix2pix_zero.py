"""pix2pix-zero against the pipeline of the installed diffusers, on the same tiny modules."""

from importlib import import_module
from typing import Any

import pytest
import torch
from tests.kit import draw, gap, precise
from tests.oracles.frozen import CLOSE, kept
from tests.parity.walking import Known
from torch import Tensor

from overpaint.contract.trial import run
from overpaint.families.tiny import _SCHEDULE, tiny  # pyright: ignore[reportPrivateUsage]
from overpaint.guides import CFG
from overpaint.inversions import Regularised, Trajectory
from overpaint.methods.pix2pix_zero import Pix2PixZero
from overpaint.model import Model
from overpaint.noise import Replay
from overpaint.task import Task
from overpaint.tune.direction import Direction, discovered

diffusers: Any = import_module("diffusers")
PROMPT, STEPS = "a cat on grass", 3
BANKS = ["a cat", "a photo of a cat"], ["a dog", "a photo of a dog"]
CASES = [(PROMPT, 0.02), ("", 0.1), ("", 0.0)]


def made() -> tuple[Any, Model]:
    """The pipeline around a tiny model, which it changes for good, and the same model untouched."""
    model, mine = tiny("sd1"), tiny("sd1")
    parts: Any = model.family
    config = {**_SCHEDULE, "prediction_type": "epsilon"}
    pipe = diffusers.StableDiffusionPix2PixZeroPipeline(
        vae=parts.codec.vae,
        unet=model.net,
        text_encoder=parts.encoders[0],
        tokenizer=parts.tokenizers[0],
        scheduler=diffusers.DDIMScheduler.from_config(config),
        inverse_scheduler=diffusers.DDIMInverseScheduler.from_config(config),
        feature_extractor=None,
        safety_checker=None,
        caption_generator=None,
        caption_processor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe, mine


@pytest.fixture
def stock() -> tuple[Any, Model]:
    """Both, fresh for every test."""
    return made()


def rolls(seed: int, steps: int, rounds: int, repeats: int, side: int) -> Replay:
    """The shifts as the pipeline draws them, one by one, from the picture to the noise."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.zeros(steps, rounds, repeats, 4, dtype=torch.int64)
    for place in range(table.numel()):
        table.view(-1)[place] = torch.randint(side // 2, (1,), generator=generator)
    return Replay({("roll", steps - 1 - k, 0): table[k] for k in range(steps)})


def inverted(pipe: Any) -> Tensor:
    """The noise that the pipeline finds."""
    x0 = draw(1, 4, 8, 8)

    def encoded(*args: Any, **named: Any) -> Tensor:
        return x0

    pipe.prepare_image_latents = encoded
    generator = torch.Generator().manual_seed(5)
    asked = {"num_reg_steps": 2, "num_auto_corr_rolls": 3, "num_inference_steps": STEPS}
    return pipe.invert(PROMPT, image=torch.zeros(1, 3, 32, 32), generator=generator, **asked).latents


def own_noise(model: Model) -> Tensor:
    """The same by this package."""
    inversion, x0 = Regularised(rounds=2, rolls=3, min_roll=0), draw(1, 4, 8, 8).to(model.dtype)
    guide = CFG(model.family.text(PROMPT), model.family.null())
    with torch.no_grad():
        return inversion.run(model, model.path(STEPS), x0, guide, rolls(5, STEPS, 2, 3, 8)).start


def edited(pipe: Any, negative: str, amount: float) -> Tensor:
    """The edit of the pipeline."""
    source, target = (pipe.get_embeds(bank) for bank in BANKS)
    asked = {"num_inference_steps": STEPS, "guidance_scale": 3.0, "output_type": "latent"}
    return pipe(
        PROMPT,
        source_embeds=source,
        target_embeds=target,
        negative_prompt=negative,
        latents=draw(1, 4, 8, 8),
        height=32,
        width=32,
        cross_attention_guidance_amount=amount,
        **asked,
    ).images


def own_edit(model: Model, negative: str, amount: float) -> Tensor:
    """The same by this package."""
    family, way, path = model.family, discovered(model, BANKS), model.path(STEPS)
    text = family.text(PROMPT)
    nulls = text.states if negative else None
    o = Pix2PixZero(steps=STEPS, guidance=3.0, attention_guidance=amount)
    given = Task((1, 4, 8, 8), family.null(), given_x0=draw(1, 4, 8, 8), given_source=text, given_target=text)

    def known(*args: Any) -> Direction:
        return way

    start = draw(1, 4, 8, 8).to(model.dtype)
    with (
        pytest.MonkeyPatch.context() as patch,
        model.keeping(Known(Trajectory(path.t, start, nulls))),
    ):
        patch.setattr("overpaint.methods.pix2pix_zero.between", known)
        return run(model, o, given).latents[0]


def theirs() -> dict[str, Tensor]:
    """What is kept of the pipeline, each time of a fresh one, as it changes itself for good."""
    found = {"noise": inverted(made()[0])}
    for negative, amount in CASES:
        found[f"negative {negative!r}, amount {amount}"] = edited(made()[0], negative, amount)
    return found


def test_the_inversion_is_that_of_the_pipeline(stock: tuple[Any, Model]) -> None:
    pipe, model = stock
    want = inverted(pipe)
    assert gap(own_noise(model), want) <= 1e-4 * float(want.abs().max())


@pytest.mark.parametrize(("negative", "amount"), CASES)
def test_the_edit_is_that_of_the_pipeline(stock: tuple[Any, Model], negative: str, amount: float) -> None:
    pipe, model = stock
    want = edited(pipe, negative, amount)
    source, target = (pipe.get_embeds(bank) for bank in BANKS)
    way = target.mean(0, keepdim=True) - source.mean(0, keepdim=True)
    assert gap(discovered(model, BANKS).states, way) < 1e-5
    assert gap(own_edit(model, negative, amount), want) <= 1e-4 * float(want.abs().max())


def test_the_inversion_is_what_the_pipeline_gave() -> None:
    want = kept("pix2pix_zero")["noise"]
    assert gap(own_noise(precise()), want) <= CLOSE * float(want.abs().max())


@pytest.mark.parametrize(("negative", "amount"), CASES)
def test_the_edit_is_what_the_pipeline_gave(negative: str, amount: float) -> None:
    want = kept("pix2pix_zero")[f"negative {negative!r}, amount {amount}"]
    assert gap(own_edit(precise(), negative, amount), want) <= CLOSE * float(want.abs().max())
