"""The image tower: pictures and sentences in one space, against the frozen text tower.

Every picture has its own sentence and hard negatives: the same sentence about a scene in which one attribute,
or the colours of two things, were changed (without them such towers read sentences as bags of words:
Yuksekgonul et al. 2023, arXiv 2210.01936).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import Float
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from transformers import CLIPTextModel

from overpaint.families.load import hushed
from overpaint.files import atomic
from overpaint.stilllife.captions import describe
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, SCENE_VALUES, THING_VALUES, Scene
from overpaint.train.data import Renders, held_out, pick, token_batch, training_scene
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import TEXT_WIDTH, make_vision
from overpaint.train.optim import Rates
from overpaint.train.text import text_states

BATCH = 64
HARD = 3
"""Hard negatives of every picture."""
MEAN, STD = 0.5, 0.5
"""Pictures in [0, 1] are shifted and scaled by these before the tower sees them."""


class Vision(nn.Module):
    """Image tower and the projection of the pooled text state beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = make_vision()
        self.text_projection = nn.Linear(TEXT_WIDTH, TEXT_WIDTH, bias=False)
        self.logit_scale = nn.Parameter(torch.tensor(2.659))

    def image(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Unit vectors of pictures in [0, 1]."""
        return normalize(self.tower(pixel_values=(pictures - MEAN) / STD).image_embeds, dim=-1)

    def text(self, pooled: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """Unit vectors of pooled text states."""
        return normalize(self.text_projection(pooled), dim=-1)

    def save(self, folder: Path) -> None:
        """Write `image_encoder/` and, beside it, `text_projection/`."""
        with atomic.drafted_folder(folder / "image_encoder") as draft, hushed():
            self.tower.half().save_pretrained(draft)
        self.tower.float()
        tensors = {
            "weight": self.text_projection.weight.detach().half(),
            "logit_scale": self.logit_scale.detach(),
        }
        with atomic.drafted_folder(folder / "text_projection") as draft:
            save_file(tensors, draft / "model.safetensors")


def clip_stage(
    vision: Vision,
    tower: CLIPTextModel,
    renders: Renders,
    steps: int,
    rates: Rates,
    *,
    batch: int = BATCH,
    exam: int = 256,
) -> Stage:
    """Contrast every picture with all sentences of the batch and its own hard negatives."""
    device = renders.device
    tower.requires_grad_(False).eval()

    def data(step: int) -> Batch:
        picked = pick(step, batch, renders.count, seed=5)
        scenes = [training_scene(k) for k in picked]
        return {"pixels": renders.pictures(picked), "tokens": _sentences(scenes, step).to(device)}

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        image = vision.image(batch["pixels"])
        with torch.no_grad():
            pooled = text_states(tower, batch["tokens"])[1]
        text = vision.text(pooled)
        scale = vision.logit_scale.exp().clamp_max(100)
        across = scale * image @ text.T
        right = torch.arange(len(image), device=device)
        # A picture is compared with every sentence; a true sentence with every picture.
        total = (cross_entropy(across, right) + cross_entropy(across[:, : len(image)].T, right)) / 2
        return total, {"right": (across.argmax(1) == right).float().mean()}

    scenes = held_out(exam)
    pictures = render(scenes, FRAME, device)
    tokens = _sentences(scenes, 0).to(device)

    def measure() -> dict[str, float]:
        image, text = vision.image(pictures), vision.text(text_states(tower, tokens)[1])
        own, other = text[: len(image)], text[len(image) :].view(HARD, len(image), -1)
        better = (image * own).sum(-1) > (image * other).sum(-1)
        best = (image @ own.T).argmax(1) == torch.arange(len(image), device=device)
        return {
            "swap": round(float(better.float().mean()), 4),
            "retrieval": round(float(best.float().mean()), 4),
        }

    return Stage("clip", {"vision": vision}, data, loss, steps, rates, batch, measure)


def _sentences(scenes: Sequence[Scene], seed: int) -> Tensor:
    """Tokens of the true sentences, then of `HARD` changed ones each: "b * (1 + HARD) tokens"."""
    rng = random.Random(f"hard {seed}")
    texts = [describe(scene).text for scene in scenes]
    for _ in range(HARD):
        texts += [describe(changed(scene, rng)).text for scene in scenes]
    return token_batch(texts)


def changed(scene: Scene, rng: random.Random) -> Scene:
    """The scene with the colours of two things exchanged, or one attribute new."""
    if len(scene.things) > 1 and rng.random() < 0.4:
        a, b = rng.sample(range(len(scene.things)), 2)
        first, second = scene.things[a].colour, scene.things[b].colour
        return scene.with_thing(a, colour=second).with_thing(b, colour=first)
    name = rng.choice(("kind", "kind", "colour", "colour", "size", "material", "ground", "time", "style"))
    if name in SCENE_VALUES:
        return scene.with_surroundings(**{name: _other(rng, SCENE_VALUES[name], getattr(scene, name))})
    k = rng.randrange(len(scene.things))
    return scene.with_thing(k, **{name: _other(rng, THING_VALUES[name], getattr(scene.things[k], name))})


def _other(rng: random.Random, values: Sequence[str], value: str) -> str:
    return rng.choice([v for v in values if v != value])
