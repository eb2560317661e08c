"""Tiny networks of the real classes with deterministic weights, to check methods on without a download.

Their pictures mean nothing; their shapes, hooks and arithmetic are those of SD 1, SD 2 (v-prediction) and
SDXL.
"""

import copy
import json
import math
import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.transformers.prior_transformer import PriorTransformer
from diffusers.models.unets.unet_2d import UNet2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from overpaint.families.clip import ClipEye
from overpaint.families.codec import Codec
from overpaint.families.fused import BUILDING
from overpaint.families.original import MASKED
from overpaint.families.pixel import PixelFamily
from overpaint.families.prior import ClipPrior
from overpaint.families.schedule import schedule_of
from overpaint.families.unet import UNetFamily
from overpaint.model import Model

Shape = Literal["sd1", "sd2", "sdxl", "sd1-inpaint", "sd1-spatext", "pixel"]
SHAPES: tuple[Shape, ...] = ("sd1", "sd2", "sdxl")
"""The families that most methods run on."""
ODD: tuple[Shape, ...] = ("sd1-inpaint", "sd1-spatext", "pixel")
"""Networks that some methods are made for: with a mask or a map beside the latent, and without any latent."""
FEATURES = 16
"""Numbers of a vector of the tiny CLIP."""
EXTRA: Mapping[str, int] = {"sd1-inpaint": MASKED, "sd1-spatext": FEATURES}
"""Channels that a network reads beside its latent."""
_WORDS = (
    "a photo of cat dog on the grass red blue big small and bird house in snow at night tiger fluffy".split()
)
_SCHEDULE = {
    "_class_name": "DDIMScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
    "num_train_timesteps": 1000,
}


def tiny(shape: Shape = "sd1") -> Model:
    """A model of that shape in a few thousand weights, 32 px pictures, prompts of up to 16 tokens."""
    with BUILDING, torch.random.fork_rng(devices=[]):  # weights are drawn before they are filled
        return _tiny(shape)


def _tiny(shape: Shape) -> Model:
    if shape == "pixel":
        return Model(
            copy.deepcopy(_pixels()), PixelFamily(schedule_of(_SCHEDULE), side=32), name="tiny-pixel"
        )
    net, vae, encoders, tokenizer = copy.deepcopy(_parts(shape))
    schedule = schedule_of({**_SCHEDULE, "prediction_type": "v_prediction" if shape == "sd2" else "epsilon"})
    family = UNetFamily(
        shape,
        schedule,
        Codec(vae),
        [tokenizer] * len(encoders),
        encoders,
        side=32,
        zero_null=shape == "sdxl",
        extra=EXTRA.get(shape, 0),
    )
    told = {"open_eye": tiny_eye, "open_prior": tiny_prior} if shape == "sd1-spatext" else {}
    return Model(net, family, name=f"tiny-{shape}", **cast(Any, told))


@cache
def _parts(shape: Shape) -> tuple[Any, Any, list[Any], CLIPTokenizer]:
    """Denoiser, autoencoder, text encoders and tokenizer, built once: a copy takes a quarter of the time."""
    tokenizer = tiny_tokenizer()
    width = 40 if shape == "sdxl" else 24
    widths = (16, 24) if shape == "sdxl" else (24,)
    encoders = [_encoder(tokenizer, w, k == 1) for k, w in enumerate(widths)]
    return _unet(shape, width), _vae(), encoders, tokenizer


@cache
def _pixels() -> nn.Module:
    net = cast(Any, UNet2DModel)(
        sample_size=32,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=4,
    )
    return fill(net)


@cache
def tiny_eye() -> ClipEye:
    """A CLIP of a few thousand weights that reads what the tiny models read."""
    with BUILDING, torch.random.fork_rng(devices=[]):
        tokenizer = tiny_tokenizer()
        config = CLIPVisionConfig(
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=3,
            num_attention_heads=2,
            image_size=32,
            patch_size=8,
            projection_dim=FEATURES,
        )
        vision = fill(cast(Any, CLIPVisionModelWithProjection)(config))
        text = fill(_encoder(tokenizer, 16, projected=False))
        projection = fill(nn.Linear(16, FEATURES, bias=False)).weight
    return ClipEye(vision, text, cast(torch.Tensor, projection).detach(), tokenizer)


@cache
def tiny_prior() -> ClipPrior:
    """A prior of a few thousand weights, from what the tiny CLIP reads to what it sees."""
    with BUILDING, torch.random.fork_rng(devices=[]):
        net = cast(Any, PriorTransformer)(
            num_attention_heads=2,
            attention_head_dim=4,
            num_layers=1,
            embedding_dim=FEATURES,
            num_embeddings=16,
        )
    return ClipPrior(fill(net), tiny_eye())


def fill(net: nn.Module, gain: float = 1.0) -> nn.Module:
    """Weights from a closed formula: the same on every machine and with every release of torch."""
    with torch.no_grad():
        for k, (name, p) in enumerate(sorted(net.named_parameters())):
            n = torch.arange(p.numel(), dtype=torch.float64)
            wave = torch.sin(n * (1.7 + 0.13 * (k % 7)) + k) + torch.sin(n * n * 0.31 + 2 * k)
            if p.ndim == 1:
                base = 1.0 if name.endswith("weight") else 0.0
                p.copy_((base + 0.1 * wave).view_as(p))
            else:
                p.copy_((gain * wave / math.sqrt(p[0].numel())).view_as(p))
    return net.eval().requires_grad_(False)


def tiny_tokenizer() -> CLIPTokenizer:
    """A real CLIP tokenizer over a few words; other words fall into letters, ``tiger`` into two tokens."""
    letters = string.ascii_lowercase + string.digits + ",.!?-'"
    pieces = [*letters, *(c + "</w>" for c in letters)]
    merges: list[tuple[str, str]] = []
    for word in _WORDS:
        symbols = [*word[:-1], word[-1] + "</w>"]
        if word == "tiger":
            merges += [("t", "i"), ("g", "e"), ("ge", "r</w>")]
            continue
        while len(symbols) > 1:
            merges.append((symbols[-2], symbols[-1]))
            symbols[-2:] = [symbols[-2] + symbols[-1]]
    merges = list(dict.fromkeys(merges))
    vocabulary = list(
        dict.fromkeys([*pieces, *(a + b for a, b in merges), "<|startoftext|>", "<|endoftext|>"])
    )
    with TemporaryDirectory() as folder:
        files = Path(folder)
        (files / "vocab.json").write_text(json.dumps({w: k for k, w in enumerate(vocabulary)}))
        (files / "merges.txt").write_text("#version: 0.2\n" + "\n".join(f"{a} {b}" for a, b in merges) + "\n")
        return CLIPTokenizer(str(files / "vocab.json"), str(files / "merges.txt"), model_max_length=16)


def _encoder(tokenizer: Any, width: int, projected: bool) -> Any:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        projection_dim=16,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.eos_token_id,
    )
    return fill(CLIPTextModelWithProjection(config) if projected else CLIPTextModel(config), 0.5)


def _vae() -> Any:
    vae = cast(Any, AutoencoderKL)(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(4, 8, 8),
        norm_num_groups=4,
        sample_size=32,
        scaling_factor=0.7,
    )
    return fill(vae)


def _unet(shape: Shape, width: int) -> Any:
    xl: dict[str, Any] = dict(
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=16 + 6 * 4,
        transformer_layers_per_block=(1, 2),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )
    small: dict[str, Any] = dict(
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    )
    net = cast(Any, UNet2DConditionModel)(
        sample_size=8,
        in_channels=4 + EXTRA.get(shape, 0),
        out_channels=4,
        block_out_channels=(8, 16),
        layers_per_block=1,
        attention_head_dim=2,
        norm_num_groups=4,
        cross_attention_dim=width,
        use_linear_projection=shape in ("sd2", "sdxl"),
        **(xl if shape == "sdxl" else small),
    )
    return fill(net)
