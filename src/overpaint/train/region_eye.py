"""The image tower made to know single things on black: tuned from the shipped one, against the frozen texts.

A tower that was trained on whole pictures reads the colour of a thing that is cut out and enlarged, but not
its kind. SpaText (arXiv:2211.14305) needs both in the vector of a region.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import linear, normalize
from transformers import CLIPTextModel, CLIPVisionModelWithProjection

from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Thing
from overpaint.stilllife.truth import truth
from overpaint.train.clip import MEAN, STD
from overpaint.train.crops import Cutouts, cut, fitting, named, other, said
from overpaint.train.data import CPU, Renders, held_out, pick, token_batch, training_scene
from overpaint.train.inpaint import Difference
from overpaint.train.loop import Batch, Stage
from overpaint.train.optim import Rates
from overpaint.train.text import text_states

BATCH = 64
RANK = 16


class RegionEye(Difference):
    """The difference between the shipped image tower and the one that knows regions."""

    def __init__(self, base: CLIPVisionModelWithProjection, rank: int = RANK) -> None:
        super().__init__(base.requires_grad_(False), rank)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Unit vectors "b d" of pictures "b 3 h w" in [0, 1]."""
        (base,), (pictures,) = self.base, inputs
        out = functional_call(base, self.weights(), (), {"pixel_values": (pictures - MEAN) / STD})
        return normalize(out.image_embeds, dim=-1)


def eye_stage(
    eye: RegionEye,
    tower: CLIPTextModel,
    projection: Float[Tensor, "d width"],
    scale: float,
    renders: Renders,
    cutouts: Cutouts,
    steps: int,
    rates: Rates,
    *,
    batch_size: int = BATCH,
    exam: int = 256,
) -> Stage:
    """Contrast every thing with all phrases of the batch; whatever says nothing wrong of it is right."""
    every = cutouts.every
    tower.requires_grad_(False).eval()

    def read(texts: Sequence[str]) -> Tensor:
        return normalize(linear(text_states(tower, token_batch(texts))[1], projection), dim=-1)

    def batch(step: int) -> Batch:
        some = [every[k] for k in pick(step, batch_size, len(every), seed=9)]
        things = [training_scene(picture).things[thing] for picture, thing in some]
        rng = random.Random(f"region {step}")
        texts = [said(thing, f"{step} {k}") for k, thing in enumerate(things)]
        texts += [other(thing, rng) for thing in things]
        pixels, right = cutouts.crops(renders, some), fitting(texts, things)
        return {"pixels": pixels, "tokens": token_batch(texts), "right": right}

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        with torch.no_grad():
            text = normalize(linear(text_states(tower, batch["tokens"])[1], projection), dim=-1)
        across, right = scale * eye(batch["pixels"]) @ text.T, batch["right"]
        count = len(across)
        both = (_shared(across, right) + _shared(across[:, :count].T, right[:, :count].T)) / 2
        best = right.gather(1, across.argmax(1, keepdim=True)).float().mean()
        return both, {"right": best}

    pictures, things = held_out_crops(exam)
    names = named()
    true = fitting(names, things)

    def measure() -> dict[str, float]:
        seen = torch.cat([eye(part) for part in pictures.split(64)])
        found = (seen @ read(names).T).argmax(1, keepdim=True)
        return {"named": round(float(true.gather(1, found).float().mean()), 4)}

    return Stage("spatext-eye", {"difference": eye}, batch, loss, steps, rates, batch_size, measure)


def held_out_crops(count: int) -> tuple[Float[Tensor, "b 3 side side"], list[Thing]]:
    """Things of held-out scenes on black, one a scene."""
    scenes = held_out(count)
    picked = [random.Random(f"crop {k}").randrange(len(scene.things)) for k, scene in enumerate(scenes)]
    masks = truth(scenes, FRAME, CPU).masks
    own = [mask[k] if mask[k].any() else mask[0] for mask, k in zip(masks, picked, strict=True)]
    return cut(render(scenes, FRAME), own), [s.things[k] for s, k in zip(scenes, picked, strict=True)]


def _shared(logits: Float[Tensor, "rows columns"], right: Bool[Tensor, "rows columns"]) -> Tensor:
    """Cross entropy where several answers are right, each as much as any other."""
    share = right.float() / right.sum(1, keepdim=True)
    return -(share * logits.log_softmax(1)).sum(1).mean()
