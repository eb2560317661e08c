"""The noise-aware image tower: latents at any level and sentences in the space of the shipped CLIP.

As GLIDE's (Nichol et al. 2022, arXiv 2112.10741): the objective is CLIP's, what is seen is noisy. The text
tower and its projection stay as they are, so that both image towers speak of one space.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear, normalize

from overpaint.families.load import hushed
from overpaint.families.noisy import PART, with_level
from overpaint.files import atomic
from overpaint.stilllife.captions import caption, describe
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.clip import changed
from overpaint.train.data import held_out, pick, token_batch, training_scene
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import make_noisy_vision, make_schedule
from overpaint.train.optim import Rates
from overpaint.train.sampling import Painter
from overpaint.train.text import shortened, text_states
from overpaint.train.unet import Latents, levels

MEASURED = (0, 250, 500, 750)
"""Levels at which it is measured."""


class NoisyVision(nn.Module):
    """The tower, and how sharply it tells sentences apart."""

    def __init__(self, clean: Mapping[str, Tensor] | None = None) -> None:
        """A new tower, or one that begins with all it shares with a clean one: everything but the patches."""
        super().__init__()
        self.tower = make_noisy_vision()
        own = self.tower.state_dict()
        shared = {k: v for k, v in (clean or {}).items() if k in own and own[k].shape == v.shape}
        self.tower.load_state_dict({**own, **shared})
        self.logit_scale = nn.Parameter(torch.tensor(2.659))

    def image(self, x: Tensor, t: Tensor) -> Tensor:
        """Unit vectors of latents at their levels."""
        return normalize(self.tower(pixel_values=with_level(x, t)).image_embeds, dim=-1)

    def save(self, folder: Path) -> None:
        """Write the tower into a model's folder."""
        with atomic.drafted_folder(folder / PART) as draft, hushed():
            self.tower.half().save_pretrained(draft)
        self.tower.float()


def projection(folder: Path) -> Tensor:
    """The projection of pooled text states in a model's folder."""
    return load_file(folder / "text_projection" / "model.safetensors")["weight"].float()


def noisy_clip_stage(
    vision: NoisyVision,
    painter: Painter,
    weight: Tensor,
    data: Latents,
    steps: int,
    rates: Rates,
    *,
    batch: int = 64,
    exam: int = 200,
) -> Stage:
    """Contrast every noisy latent with all sentences of the batch, and with its own changed a little."""
    device, tower = data.mean.device, painter.tower
    alpha_bar = make_schedule().alphas_cumprod.to(device)
    tower.requires_grad_(False).eval()

    def read(tokens: Tensor) -> Tensor:
        tokens = shortened(tokens)
        with torch.no_grad():
            return normalize(linear(text_states(tower, tokens)[1], weight), dim=-1)

    def noised(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        at = alpha_bar[t].view(-1, 1, 1, 1)
        return at.sqrt() * x0 + (1 - at).sqrt() * noise

    def prepare(step: int) -> Batch:
        picked = pick(step, batch, len(data.things), seed=7)
        rng, chance = torch.Generator(device).manual_seed(step), random.Random(f"noisy {step}")
        scenes = [training_scene(k) for k in picked]
        rows = torch.tensor(picked, device=device)
        texts = [caption(scene, chance.randrange(2**31)).text for scene in scenes]
        near = [describe(changed(scene, chance)).text for scene in scenes]
        return {
            "x0": data.mean[rows].float(),
            "std": data.std[rows].float(),
            "told": token_batch(texts).to(device),
            "full": token_batch([describe(scene).text for scene in scenes]).to(device),
            "near": token_batch(near).to(device),
            "level": levels(torch.rand(batch, generator=rng, device=device)),
            "noise": torch.randn((batch, 2, *data.mean.shape[1:]), generator=rng, device=device),
        }

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        noise = batch["noise"].unbind(1)
        x = noised((batch["x0"] + batch["std"] * noise[0]) * data.scale, batch["level"], noise[1])
        image = vision.image(x, batch["level"])
        scale = vision.logit_scale.exp().clamp_max(100)
        told, full, near = (read(batch[name]) for name in ("told", "full", "near"))
        right = torch.arange(len(image), device=image.device)
        across = scale * image @ told.T
        alike = (cross_entropy(across, right) + cross_entropy(across.T, right)) / 2
        own, other = (scale * (image * one).sum(-1) for one in (full, near))
        apart = nn.functional.softplus(other - own).mean()
        return alike + apart, {"apart": (own > other).float().mean()}

    scenes = held_out(exam, start=700_000)
    drawn = painter.encode(render(scenes, FRAME, device))
    chance = random.Random("noisy exam")
    both = [describe(scene).text for scene in scenes] + [describe(changed(s, chance)).text for s in scenes]
    tokens = token_batch(both).to(device)
    noise = torch.randn(drawn.shape, generator=torch.Generator().manual_seed(0)).to(device)

    def measure() -> dict[str, float]:
        own, other = read(tokens).chunk(2)
        found: dict[str, float] = {}
        for level in MEASURED:
            t = torch.full((len(drawn),), level, device=device)
            image = vision.image(noised(drawn, t, noise), t)
            right = (image * own).sum(-1) > (image * other).sum(-1)
            found[f"apart_{level}"] = round(float(right.float().mean()), 4)
        return found

    nets = {"vision": vision}
    return Stage("noisy-clip", nets, prepare, loss, steps, rates, batch, measure)
