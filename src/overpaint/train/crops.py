"""Things cut out of the training pictures, and what can be said of them: what region-aware CLIP learns."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.masks.regions import cropped
from overpaint.stilllife.captions import phrase
from overpaint.stilllife.parse import parse
from overpaint.stilllife.scene import FRAME, KINDS, THING_VALUES, Scene, Thing
from overpaint.stilllife.truth import truth
from overpaint.train.data import CPU, Renders, training_scene

SIDE = 128
"""Pixels a side of what the image tower sees."""
LEAST = 40
"""Frame pixels of a thing that is worth looking at: others hide the rest of it."""


@dataclass(frozen=True)
class Cutouts:
    """Where the things of the first pictures are seen, a bit a pixel, row by row."""

    bits: UInt8[Tensor, "n 3 bytes"]

    def save(self, file: Path) -> None:
        """Keep them in one file."""
        save_file({"bits": self.bits}, file)

    @classmethod
    def load(cls, file: Path) -> Cutouts:
        """Read what `save` wrote."""
        return cls(**load_file(file))

    @property
    def every(self) -> list[tuple[int, int]]:
        """Picture and thing of all that is to be seen."""
        seen = torch.from_numpy(np.unpackbits(self.bits.numpy(), axis=2)).sum(2) >= LEAST
        return [(int(n), int(k)) for n, k in seen.nonzero()]

    def mask(self, picture: int, thing: int) -> Bool[Tensor, "h w"]:
        """Where a thing is."""
        row = np.unpackbits(self.bits[picture, thing].numpy())
        return torch.from_numpy(row).view(FRAME, FRAME) > 0

    def crops(self, renders: Renders, some: Sequence[tuple[int, int]]) -> Float[Tensor, "b 3 side side"]:
        """Things on black as CLIP is shown them, values in [0, 1]."""
        whole = renders.pictures([picture for picture, _ in some]).cpu()
        return cut(whole, [self.mask(*one) for one in some])


def cut(pictures: Float[Tensor, "b 3 h w"], masks: Sequence[Bool[Tensor, "h w"]]) -> Tensor:
    """One region of each picture on black, at the side of the tower; values in [0, 1]."""
    own = [
        interpolate(
            cropped(p[None] * 2 - 1, m[None, None].float()), (SIDE, SIDE), mode="bicubic", antialias=True
        )
        for p, m in zip(pictures, masks, strict=True)
    ]
    return (torch.cat(own).clamp(-1, 1) + 1) / 2


def cut_all(count: int, chunk: int = 16) -> Cutouts:
    """Those of the training scenes 0 … count - 1."""
    parts: list[Tensor] = []
    for start in range(0, count, chunk):
        scenes = [training_scene(k) for k in range(start, min(start + chunk, count))]
        flat = truth(scenes, FRAME, CPU).masks.flatten(2).numpy()
        parts.append(torch.from_numpy(np.packbits(flat, axis=2)))
    return Cutouts(torch.cat(parts))


def said(thing: Thing, seed: str) -> str:
    """A phrase about a thing."""
    return phrase(thing, random.Random(seed))


def other(thing: Thing, rng: random.Random) -> str:
    """A phrase about a thing that differs from it in a kind, a colour or something else that is said."""
    name = rng.choice(("kind", "kind", "colour", "colour", "material", "size"))
    value = rng.choice([v for v in THING_VALUES[name] if v != getattr(thing, name)])
    changed = Scene((thing,)).with_thing(0, **{name: value}).things[0]
    return phrase(changed, rng, frozenset({name}))


def fitting(phrases: Sequence[str], things: Sequence[Thing]) -> Bool[Tensor, "things phrases"]:
    """Which phrases say nothing wrong of which things."""
    mentions = [parse(text).mentions[0] for text in phrases]
    return torch.tensor([[mention.fits(thing) for mention in mentions] for thing in things])


def named(kinds: Sequence[str] = KINDS, colours: Sequence[str] = THING_VALUES["colour"]) -> list[str]:
    """Every kind in every colour: what crops are told apart by."""
    return [f"a {colour} {kind}" for colour in colours for kind in kinds]
