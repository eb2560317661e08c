"""The prior of regions: from phrases about things to how CLIP sees such things on black.

As DALL-E 2's (Ramesh et al. 2022, arXiv 2204.06125, section 2.2), small: a diffusion over whitened vectors on
the cosine schedule, whose transformer reads the phrase and says the vector itself.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch
from diffusers import PriorTransformer
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import linear, mse_loss, normalize
from transformers import CLIPTextModel

from overpaint.families.prior import cosine
from overpaint.stilllife.captions import phrase
from overpaint.stilllife.scene import Thing
from overpaint.stilllife.tokenizer import EOS_ID, MAX_LENGTH
from overpaint.train.data import pick, token_batch, training_scene
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import TEXT_WIDTH
from overpaint.train.optim import Rates
from overpaint.train.spatext import Vectors
from overpaint.train.text import text_states

BATCH = 128


def make_prior() -> PriorTransformer:
    """Three layers of 64: a fifth of a million numbers."""
    return PriorTransformer(
        num_attention_heads=4,
        attention_head_dim=16,
        num_layers=3,
        embedding_dim=TEXT_WIDTH,
        num_embeddings=MAX_LENGTH,
    )


def whitened(prior: PriorTransformer, known: Vectors) -> None:
    """Keep the mean and the spread of all vectors in the prior."""
    every = known.vectors[known.seen].float()
    with torch.no_grad():
        prior.clip_mean.copy_(every.mean(0, keepdim=True))
        prior.clip_std.copy_(every.std(0, keepdim=True))
    prior.clip_mean.requires_grad_(False)
    prior.clip_std.requires_grad_(False)


def prior_stage(
    prior: PriorTransformer,
    tower: CLIPTextModel,
    projection: Float[Tensor, "d width"],
    known: Vectors,
    steps: int,
    rates: Rates,
    *,
    exam: int = 256,
) -> Stage:
    """The mean square by which it misses the whitened vector under noise."""
    device = known.vectors.device
    bars = cosine().float().to(device)
    every: list[list[int]] = known.seen[:-exam].nonzero().tolist()  # pyright: ignore[reportUnknownMemberType]
    last: list[list[int]] = known.seen[-exam:].nonzero().tolist()  # pyright: ignore[reportUnknownMemberType]
    tower.requires_grad_(False).eval()

    def read(texts: Sequence[str]) -> dict[str, Any]:
        tokens = token_batch(texts).to(device)
        with torch.no_grad():
            states, pooled = text_states(tower, tokens)
        vectors = normalize(linear(pooled, projection), dim=-1)
        return {"proj_embedding": vectors, "encoder_hidden_states": states, "attention_mask": spoken(tokens)}

    def asked(some: Sequence[Sequence[int]], first: int, seed: str) -> tuple[Tensor, dict[str, Any]]:
        things = [thing_of(first + picture, k) for picture, k in some]
        rng = random.Random(f"prior {seed}")
        wanted = torch.stack([known.vectors[first + picture, k] for picture, k in some]).float()
        white = (wanted - prior.clip_mean) / prior.clip_std
        return white, read([phrase(thing, rng) for thing in things])

    def batch(step: int) -> Batch:
        white, said = asked([every[k] for k in pick(step, BATCH, len(every), seed=11)], 0, str(step))
        rng = torch.Generator(device).manual_seed(step)
        level = torch.randint(0, len(bars), (BATCH,), generator=rng, device=device)
        noise = torch.randn(white.shape, generator=rng, device=device)
        return {"white": white, "level": level, "noise": noise, **said}

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        at = bars[batch["level"]].unsqueeze(1)
        x = at.sqrt() * batch["white"] + (1 - at).sqrt() * batch["noise"]
        said = {name: batch[name] for name in ("proj_embedding", "encoder_hidden_states", "attention_mask")}
        net: Any = prior
        found = net(x, batch["level"], **said).predicted_image_embedding
        return mse_loss(found, batch["white"]), {}

    white, said = asked(last, len(known.seen) - exam, "exam")

    def measure() -> dict[str, float]:
        """How much of what sets vectors apart the noisiest belief explains: 0 for their mean, 1 for all."""
        net: Any = prior
        level = torch.full((len(white),), len(bars) - 1, device=device)
        noise = torch.randn(white.shape, generator=torch.Generator().manual_seed(0)).to(device)
        found = net(noise, level, **said).predicted_image_embedding
        return {"explained": round(1 - float(mse_loss(found, white) / white.var()), 4)}

    return Stage("spatext-prior", {"prior": prior}, batch, loss, steps, rates, BATCH, measure)


def thing_of(picture: int, k: int) -> Thing:
    """A thing of a training picture."""
    return training_scene(picture).things[k]


def spoken(tokens: Tensor) -> Tensor:
    """1 up to the first mark of an end, 0 behind it."""
    ends = tokens == EOS_ID
    return (ends.cumsum(1) - ends.long() == 0).float()
