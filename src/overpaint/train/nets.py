"""The networks of the family at their sizes: real diffusers and transformers classes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

from overpaint.errors import UsageError
from overpaint.stilllife.tokenizer import BOS_ID, EOS_ID, MAX_LENGTH, VOCABULARY_SIZE
from overpaint.train.optim import Rates

Prediction = Literal["epsilon", "v_prediction"]
TEXT_WIDTH = 128
"""Width of the text states: the same for every size, so that the text tower is shared."""
LATENT = 16
"""Cells a side of a picture's latent."""


@dataclass(frozen=True)
class Size:
    """Widths of one size of the family and how much of everything its training takes."""

    vae: tuple[int, ...]
    unet: tuple[int, ...]
    heads: tuple[int, ...]
    groups: int
    renders: int
    batch: int
    """Samples a step of the UNet."""
    crops: int
    """Crops a step of the VAE."""
    steps: Mapping[str, int]
    """Steps of every stage."""


SIZES: Mapping[str, Size] = {
    "toy": Size(
        (8, 8, 8, 16), (8, 16, 16), (1, 1, 1), 4, 96, 8, 4,
        {"judge": 8, "segmenter": 4, "vae": 8, "decoder": 4, "text": 8, "unet": 8, "inpaint": 8, "clip": 8,
         "noisy-clip": 8, "spatext-eye": 2, "spatext-prior": 4, "spatext": 4},
    ),
    "cpu": Size(
        (16, 32, 64, 128), (32, 64, 128), (1, 2, 4), 8, 40_000, 64, 16,
        {"judge": 2_000, "segmenter": 1_500, "vae": 3_000, "decoder": 1_600, "text": 2_500, "unet": 16_000,
         "inpaint": 3_000, "clip": 1_000, "noisy-clip": 2_000,
         "spatext-eye": 800, "spatext-prior": 1_500, "spatext": 3_000},
    ),
    "gpu": Size(
        (32, 64, 128, 192), (64, 128, 192), (2, 4, 6), 16, 200_000, 512, 64,
        {"judge": 6_000, "segmenter": 4_000, "vae": 12_000, "decoder": 1_500, "text": 6_000, "unet": 14_000,
         "inpaint": 6_000, "clip": 6_000, "noisy-clip": 6_000,
         "spatext-eye": 3_000, "spatext-prior": 4_000, "spatext": 8_000},
    ),
}  # fmt: skip


RATES: Mapping[str, Rates] = {
    "judge": Rates(3e-3, warmup=50, ema=0.99, cooldown=0.5),
    "segmenter": Rates(3e-3, warmup=50, ema=0.99, cooldown=0.5),
    "text": Rates(2e-3, warmup=100, ema=0.99, cooldown=0.5),
    "vae": Rates(2e-3, warmup=50, ema=0.99),
    "decoder": Rates(1e-3, warmup=50, ema=0.99, cooldown=0.6),
    "unet": Rates(2e-3, warmup=200, ema=0.998),
    "clip": Rates(2e-3, warmup=100, ema=0.99, cooldown=0.5),
    "noisy-clip": Rates(2e-3, warmup=50, ema=0.99, cooldown=0.6),
}
"""What drives the optimiser of every stage."""


def size_of(name: str) -> Size:
    """A size by its name."""
    if name not in SIZES:
        raise UsageError(f"There is no size '{name}'; choose one of {', '.join(SIZES)}.")
    return SIZES[name]


def make_vae(size: Size) -> AutoencoderKL:
    """KL autoencoder, f8: a 128 px picture becomes 16x16 cells of 4 channels."""
    levels = len(size.vae)
    blocks: dict[str, Any] = {
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "block_out_channels": size.vae,
    }
    return AutoencoderKL(
        **blocks,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=min(8, size.groups),
        mid_block_add_attention=False,
        sample_size=128,
    )


def make_unet(size: Size) -> UNet2DConditionModel:
    """Three levels, two layers a block, cross-attention everywhere: 16 self and 16 cross sites."""
    heads: Any = size.heads
    return UNet2DConditionModel(
        sample_size=LATENT,
        in_channels=4,
        out_channels=4,
        block_out_channels=size.unet,
        layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D",) * 3,
        up_block_types=("CrossAttnUpBlock2D",) * 3,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=heads,
        norm_num_groups=size.groups,
    )


def make_text() -> CLIPTextModel:
    """CLIP's text tower over the world's vocabulary; the pooled state is that of the first EOS."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=VOCABULARY_SIZE,
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH,
            bos_token_id=BOS_ID,
            eos_token_id=EOS_ID,
            pad_token_id=EOS_ID,
        )
    )


def make_vision() -> CLIPVisionModelWithProjection:
    """CLIP's image tower on 128 px pictures, 8x8 patches of 16 px."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=128,
            intermediate_size=512,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            image_size=128,
            patch_size=16,
        )
    )


def make_noisy_vision() -> CLIPVisionModelWithProjection:
    """The same on latents of 16x16 cells with their level as a channel, 8x8 patches of two cells."""
    return CLIPVisionModelWithProjection(
        CLIPVisionConfig(
            hidden_size=128,
            intermediate_size=512,
            projection_dim=TEXT_WIDTH,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_channels=5,
            image_size=LATENT,
            patch_size=2,
        )
    )


def make_schedule(prediction: Prediction = "v_prediction") -> DDIMScheduler:
    """Stable Diffusion's noise schedule."""
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=prediction,
    )


def mixed(device: torch.device) -> torch.autocast:
    """A block that multiplies in half the bits where that is faster: on accelerators, and on processors that
    have a unit for it (2 to 4 times as fast for plain convolutions there; elsewhere slower)."""
    quick = device.type == "cuda" or bool(torch.cpu.get_capabilities().get("amx_bf16"))
    return torch.autocast(device.type, torch.bfloat16, enabled=quick)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """A block in which new networks get the weights of `seed`; the global state is put back after it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)  # pyright: ignore[reportUnknownMemberType]
        yield
