"""Pictures with holes: masks around things and at random, and what the autoencoder makes of the rest."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import max_pool2d

from overpaint.stilllife.captions import around
from overpaint.stilllife.scene import FRAME, SIZES, Scene, Thing
from overpaint.train.data import Renders, boxes, token_batch, training_scene
from overpaint.train.nets import LATENT
from overpaint.train.vae import encoded

Mask = Bool[Tensor, "h w"]
"""Where the hole is."""
TENSORS = ("mask", "mean", "std", "tokens", "clear")
MARGIN = 14
"""Most frame pixels that a hole reaches beyond the box of its thing, to each side."""


@dataclass(frozen=True)
class Holes:
    """A hole in each training picture: the cells it touches, and the latent of the erased picture."""

    mask: Bool[Tensor, "n 16 16"]
    mean: Float[Tensor, "n 4 16 16"]
    std: Float[Tensor, "n 4 16 16"]
    tokens: Int[Tensor, "n tokens"]
    """A sentence about the surroundings alone."""
    clear: Bool[Tensor, " n"]
    """Whether no thing is in the hole, so that such a sentence says all there is to say of it."""

    def to(self, device: torch.device) -> Holes:
        """The same on another device."""
        return Holes(*(getattr(self, name).to(device) for name in TENSORS))

    def save(self, file: Path) -> None:
        """Keep them in one file."""
        save_file({name: getattr(self, name) for name in TENSORS}, file)

    @classmethod
    def load(cls, file: Path) -> Holes:
        """Read what `save` wrote."""
        return cls(**load_file(file))

    @classmethod
    def joined(cls, parts: Sequence[Holes]) -> Holes:
        """Several files as one."""
        return cls(*(torch.cat([getattr(part, name) for part in parts]) for name in TENSORS))


@torch.no_grad()
def dig_all(vae: AutoencoderKL, renders: Renders, first: int, count: int, chunk: int = 16) -> Holes:
    """Holes in the training pictures `first` … `first + count - 1`."""
    parts: list[Holes] = []
    for start in range(first, first + count, chunk):
        picked = range(start, min(start + chunk, first + count))
        scenes = [training_scene(k) for k in picked]
        masks = torch.stack(
            [hole(s, random.Random(f"hole {k}")) for k, s in zip(picked, scenes, strict=True)]
        )
        mean, std = erased(vae, renders.pictures(list(picked)), masks.to(renders.device))
        said = token_batch([around(s, k) for k, s in zip(picked, scenes, strict=True)])
        clear = ~(masks & (boxes(scenes, FRAME) > 0)).flatten(1).any(1)
        parts.append(Holes(cells(masks), mean.half().cpu(), std.half().cpu(), said.short(), clear))
    return Holes.joined(parts)


def erased(
    vae: AutoencoderKL, pictures: Float[Tensor, "b 3 h w"], masks: Bool[Tensor, "b h w"]
) -> tuple[Tensor, Tensor]:
    """Mean and deviation of the latents of pictures in [0, 1] that are mid-grey in their holes."""
    return encoded(vae, torch.where(masks.unsqueeze(1), 0.5, pictures))


def cells(masks: Bool[Tensor, "b h w"]) -> Bool[Tensor, "b 16 16"]:
    """The cells of the latent that a hole touches."""
    return max_pool2d(masks.float().unsqueeze(1), FRAME // LATENT)[:, 0] > 0


def hole(scene: Scene, rng: random.Random) -> Mask:
    """A hole: over a thing or several, beside them, at random, or everything but a window."""
    draws = (_over_one, _over_some, _beside, _boxes, _strokes, _around)
    draw = rng.choices(draws, (10, 2, 4, 5, 4, 2))[0]
    mask = draw(scene, rng)
    return mask if mask.any() else _boxes(scene, rng)


def box(left: float, top: float, right: float, bottom: float) -> Mask:
    """A box in frame pixels; what lies outside the frame is cut off."""
    mask = torch.zeros(FRAME, FRAME, dtype=torch.bool)
    rows, columns = ((max(0, round(a)), max(0, round(b))) for a, b in ((top, bottom), (left, right)))
    mask[slice(*rows), slice(*columns)] = True
    return mask


def oval(left: float, top: float, right: float, bottom: float) -> Mask:
    """The oval in a box."""
    line = torch.arange(FRAME) + 0.5
    across = (line - (left + right) / 2) / max(1.0, (right - left) / 2)
    down = (line - (top + bottom) / 2) / max(1.0, (bottom - top) / 2)
    return down[:, None].square() + across.square() <= 1


def over(thing: Thing, rng: random.Random) -> Mask:
    """A box or an oval that covers a thing's box, by more or less."""
    draws: tuple[Callable[[float, float, float, float], Mask], ...] = (box, box, oval)
    shape = rng.choice(draws)
    wide = thing.half * (1.0 if shape is box else math.sqrt(2))
    middle = thing.row - thing.half
    left, top, right, bottom = (rng.uniform(0, MARGIN) for _ in range(4))
    return shape(thing.x - wide - left, middle - wide - top, thing.x + wide + right, middle + wide + bottom)


def _over_one(scene: Scene, rng: random.Random) -> Mask:
    return over(rng.choice(scene.things), rng)


def _over_some(scene: Scene, rng: random.Random) -> Mask:
    count = rng.randint(1, len(scene.things))
    return torch.stack([over(thing, rng) for thing in rng.sample(scene.things, count)]).any(0)


def _beside(scene: Scene, rng: random.Random) -> Mask:
    """A hole as large as one for a thing, where there is none."""
    x, row = rng.uniform(0, FRAME), rng.uniform(70, 120)
    mask = over(Thing("ball", "red", size=rng.choice(SIZES), x=x, row=row), rng)
    return mask & ~(boxes([scene], FRAME)[0] > 0)


def _boxes(scene: Scene, rng: random.Random) -> Mask:
    del scene
    mask = torch.zeros(FRAME, FRAME, dtype=torch.bool)
    for _ in range(rng.randint(1, 3)):
        x, y, w, h = rng.uniform(0, FRAME), rng.uniform(0, FRAME), rng.uniform(16, 96), rng.uniform(16, 96)
        mask |= box(x - w / 2, y - h / 2, x + w / 2, y + h / 2)
    return mask


def _strokes(scene: Scene, rng: random.Random) -> Mask:
    """A thick line that wanders, as a brush leaves it."""
    del scene
    mask = torch.zeros(FRAME, FRAME, dtype=torch.bool)
    for _ in range(rng.randint(1, 2)):
        x, y, turn, thick = (
            rng.uniform(16, 112),
            rng.uniform(16, 112),
            rng.uniform(0, math.tau),
            rng.uniform(5, 13),
        )
        for _ in range(rng.randint(8, 24)):
            mask |= oval(x - thick, y - thick, x + thick, y + thick)
            turn += rng.gauss(0, 0.6)
            x, y = x + thick * math.cos(turn), y + thick * math.sin(turn)
    return mask


def _around(scene: Scene, rng: random.Random) -> Mask:
    """Everything outside a window, as when a picture is extended."""
    del scene
    sides = [rng.choice((0.0, rng.uniform(16, 64))) for _ in range(4)]
    return ~box(sides[0], sides[1], FRAME - sides[2], FRAME - sides[3])
