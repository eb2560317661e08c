"""The noise-aware image tower: latents at any level and sentences in the space of the shipped CLIP.

As GLIDE's (Nichol et al. 2022, arXiv 2112.10741): the objective is CLIP's, what is seen is noisy. The text
tower and its projection stay as they are, so that both image towers speak of one space. It begins as the
clean tower with patches of its own, and is shown at each step what that one makes of the clean picture.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, cross_entropy, linear, mse_loss, normalize, unfold

from overpaint.families.load import hushed
from overpaint.families.noisy import PART, with_level
from overpaint.files import atomic
from overpaint.stilllife.captions import caption, describe
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.clip import MEAN, STD, Vision, changed
from overpaint.train.data import Renders, held_out, pick, token_batch, training_scene
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import make_noisy_vision, make_schedule
from overpaint.train.optim import Rates
from overpaint.train.sampling import Painter
from overpaint.train.text import shortened, text_states
from overpaint.train.unet import Latents, levels

FITTED = 1024
"""Pictures by which its patches begin."""
RIDGE = 1e-4
"""What large patches cost, as a share of the mean square of what they see."""
MEASURED = (0, 250, 500, 750)
"""Levels at which it is measured."""


class NoisyVision(nn.Module):
    """The tower, and how sharply it tells sentences apart."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = make_noisy_vision()
        self.logit_scale = nn.Parameter(torch.tensor(2.659))

    def begin(self, clean: Vision) -> None:
        """Take over all that both towers have: everything but the patches."""
        own = self.tower.state_dict()
        shared = {k: v for k, v in clean.tower.state_dict().items() if own[k].shape == v.shape}
        self.tower.load_state_dict({**own, **shared})

    @torch.no_grad()
    def fit(self, seen: Tensor, wanted: Tensor) -> None:
        """Set the patches to what is nearest, by least squares, to those of the clean tower.

        Args:
            seen: noisy latents with their levels.
            wanted: what the clean tower makes of the patches of their pictures, "n d rows columns".
        """
        parts: Any = self.tower.vision_model.embeddings
        weight, places = parts.patch_embedding.weight, parts.position_embedding.weight
        rows = unfold(seen, weight.shape[-2:], stride=weight.shape[-2:]).transpose(1, 2).flatten(0, 1)
        rows = torch.cat([rows, torch.ones_like(rows[:, :1])], 1)
        answers = wanted.flatten(2).transpose(1, 2).flatten(0, 1)
        rows, answers = rows.double(), answers.double()  # so that every run begins on the same bits
        square = rows.T @ rows
        ridge = (
            RIDGE * square.diagonal().mean() * torch.eye(len(square), device=rows.device, dtype=rows.dtype)
        )
        found = torch.linalg.solve(square + ridge, rows.T @ answers).float()
        weight.copy_(found[:-1].T.view_as(weight))
        places[1:] += found[-1]  # patches have no bias of their own

    def image(self, x: Tensor, t: Tensor) -> Tensor:
        """Unit vectors of latents at their levels."""
        return self.look(x, t)[0]

    def look(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and what the tower makes of every patch."""
        seen = self.tower(pixel_values=with_level(x, t))
        return normalize(seen.image_embeds, dim=-1), seen.last_hidden_state

    def save(self, folder: Path) -> None:
        """Write the tower into a model's folder."""
        with atomic.drafted_folder(folder / PART) as draft, hushed():
            self.tower.half().save_pretrained(draft)
        self.tower.float()


def noisy_clip_stage(
    vision: NoisyVision,
    clean: Vision,
    painter: Painter,
    renders: Renders,
    data: Latents,
    steps: int,
    rates: Rates,
    *,
    batch: int = 64,
    exam: int = 200,
) -> Stage:
    """Contrast every noisy latent with all sentences of the batch, and with its own changed a little.

    A tower that was not trained yet begins as the ``clean`` one.
    """
    device, tower, weight = data.mean.device, painter.tower, clean.text_projection.weight.detach()
    alpha_bar = make_schedule().alphas_cumprod.to(device)
    for frozen in (tower, clean):
        nn.Module.requires_grad_(frozen, False).eval()

    def read(tokens: Tensor) -> Tensor:
        tokens = shortened(tokens)
        with torch.no_grad():
            return normalize(linear(text_states(tower, tokens)[1], weight), dim=-1)

    def noised(x0: Tensor, t: Tensor, noise: Tensor) -> Tensor:
        at = alpha_bar[t].view(-1, 1, 1, 1)
        return at.sqrt() * x0 + (1 - at).sqrt() * noise

    def pictured(rows: Sequence[int]) -> Tensor:
        return (renders.pictures(rows) - MEAN) / STD

    def drawn_at(picked: Sequence[int], generator: torch.Generator) -> Batch:
        rows = torch.tensor(picked, device=device)
        return {
            "x0": data.mean[rows].float(),
            "std": data.std[rows].float(),
            "level": levels(torch.rand(len(picked), generator=generator, device=device)),
            "noise": torch.randn((len(picked), 2, *data.mean.shape[1:]), generator=generator, device=device),
        }

    def noisy(batch: Batch) -> Tensor:
        noise = batch["noise"].unbind(1)
        return noised((batch["x0"] + batch["std"] * noise[0]) * painter.scale, batch["level"], noise[1])

    def prepare(step: int) -> Batch:
        picked = pick(step, batch, len(data.things), seed=7)
        chance = random.Random(f"noisy {step}")
        scenes = [training_scene(k) for k in picked]
        texts = [caption(scene, chance.randrange(2**31)).text for scene in scenes]
        near = [describe(changed(scene, chance)).text for scene in scenes]
        return {
            **drawn_at(picked, torch.Generator(device).manual_seed(step)),
            "pixels": pictured(picked),
            "told": token_batch(texts).to(device),
            "full": token_batch([describe(scene).text for scene in scenes]).to(device),
            "near": token_batch(near).to(device),
        }

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        image, states = vision.look(noisy(batch), batch["level"])
        with torch.no_grad():
            shown = clean.tower(pixel_values=batch["pixels"])
        scale = vision.logit_scale.exp().clamp_max(100)
        told, full, near = (read(batch[name]) for name in ("told", "full", "near"))
        right = torch.arange(len(image), device=image.device)
        across = scale * image @ told.T
        alike = (cross_entropy(across, right) + cross_entropy(across.T, right)) / 2
        own, other = (scale * (image * one).sum(-1) for one in (full, near))
        apart = nn.functional.softplus(other - own).mean()
        away = 1 - cosine_similarity(image, shown.image_embeds).mean()
        away = away + mse_loss(states, shown.last_hidden_state) / shown.last_hidden_state.var()
        return alike + apart + away, {"apart": (own > other).float().mean(), "away": away.detach()}

    few = range(min(FITTED, len(data.things)))
    first = drawn_at(few, torch.Generator(device).manual_seed(0))
    embed: Any = clean.tower.vision_model.embeddings.patch_embedding
    vision.begin(clean)
    vision.fit(with_level(noisy(first), first["level"]), embed(pictured(few)))

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
