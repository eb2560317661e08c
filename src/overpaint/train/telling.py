"""What a denoiser that is told regions makes of held-out pictures, told by the judge."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from overpaint.stilllife.captions import around, phrase
from overpaint.stilllife.judge import NEAR, Judge, ReadThing
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene, Thing
from overpaint.stilllife.suits import GUIDANCE
from overpaint.stilllife.truth import truth
from overpaint.train.crops import cut
from overpaint.train.data import CPU, held_out
from overpaint.train.loop import grid
from overpaint.train.nets import LATENT
from overpaint.train.sampling import Painter
from overpaint.train.spatext import maps

FIRST = 900_000
"""Number of the first scene that regions are measured in."""
HALF = 0.5
"""A cell belongs to a region that covers more than so much of it."""
How = Literal["oracle", "prior", "text"]
"""Whence vectors come: from the true picture, from words through the prior, or from words as they are."""
Look = Callable[[Float[Tensor, "b 3 side side"]], Float[Tensor, "b d"]]
Read = Callable[[Sequence[str], int], Float[Tensor, "b d"]]


@dataclass(frozen=True)
class Case:
    """A scene whose things are regions; the sentence speaks of its surroundings alone."""

    scene: Scene

    @property
    def text(self) -> str:
        """The sentence about everything but the things."""
        return around(self.scene, self.scene.seed)

    @property
    def words(self) -> list[str]:
        """What each region is told: kind and colour at least."""
        said = [random.Random(f"told {self.scene.seed} {k}") for k in range(len(self.scene.things))]
        return [
            phrase(thing, rng, frozenset({"colour"}))
            for thing, rng in zip(self.scene.things, said, strict=True)
        ]


@dataclass(frozen=True)
class Teller:
    """The trained parts that regions take: vectors of crops and of words."""

    painter: Painter
    look: Look
    prior: Read
    text: Read

    def vectors(self, some: Sequence[Case], how: How) -> Float[Tensor, "b 3 d"]:
        """A vector for each thing of each case, zeros for those that there are not."""
        flat = [(k, n) for k, one in enumerate(some) for n in range(len(one.scene.things))]
        if how == "oracle":
            pictures, masks = render([one.scene for one in some], FRAME), seen(some)
            flat = [(k, n) for k, n in flat if masks[k, n].any()]
            crops = cut(pictures[[k for k, _ in flat]], [masks[k, n] for k, n in flat])
            found = torch.cat([self.look(part) for part in torch.split(crops, 64)])  # pyright: ignore[reportUnknownMemberType]
        else:
            read = self.prior if how == "prior" else self.text
            words = [some[k].words[n] for k, n in flat]
            found = torch.cat([read(words[k : k + 64], k) for k in range(0, len(words), 64)])
        made = found.new_zeros(len(some), 3, found.shape[-1])
        for (k, n), one in zip(flat, found, strict=True):
            made[k, n] = one
        return made

    @torch.no_grad()
    def drawn(
        self, some: Sequence[Case], how: How, *, steps: int = 50, guidance: float = GUIDANCE, chunk: int = 32
    ) -> Float[Tensor, "b 3 h w"]:
        """A picture of each case."""
        painter = self.painter
        cells = adaptive_avg_pool2d(seen(some).float(), LATENT) > HALF
        told = maps(cells, self.vectors(some, how), cells.flatten(2).any(2)).to(painter.device)
        noise = torch.randn(len(some), 4, LATENT, LATENT, generator=torch.Generator().manual_seed(0))
        made: list[Tensor] = []
        for k in range(0, len(some), chunk):
            part = slice(k, k + chunk)
            beside = torch.cat([told[part], torch.zeros_like(told[part])])
            texts = [one.text for one in some[part]]
            latents = painter.denoise(noise[part].to(painter.device), texts, steps, guidance, beside)
            made.append(painter.decode(latents))
        return torch.cat(made)


def seen(some: Sequence[Case]) -> Bool[Tensor, "b 3 h w"]:
    """Where the things are seen."""
    scenes = [one.scene for one in some]
    return torch.cat([truth(scenes[k : k + 16], FRAME, CPU).masks for k in range(0, len(scenes), 16)])


def cases(count: int) -> list[Case]:
    """Held-out cases."""
    return [Case(scene) for scene in held_out(count, start=FIRST)]


def telling_figures(
    teller: Teller,
    judge: Judge,
    count: int = 200,
    steps: int = 50,
    ways: Sequence[How] = ("oracle", "prior", "text"),
) -> dict[str, float]:
    """Shares of all regions in held-out cases, for each way to a vector.

    "both": the thing in the region has the kind and the colour that were asked for. "kind", "colour": the one
    alone. "around": of cases, those whose ground, time and style are what the sentence says.
    """
    some, out = cases(count), dict[str, float]()
    for how in ways:
        read = judge.read(teller.drawn(some, how, steps=steps))
        pairs = [
            (thing, nearest(thing, reading.things))
            for one, reading in zip(some, read, strict=True)
            for thing in one.scene.things
        ]
        kind = [there is not None and there.kind == thing.kind for thing, there in pairs]
        colour = [there is not None and there.colour == thing.colour for thing, there in pairs]
        both = [a and b for a, b in zip(kind, colour, strict=True)]
        for name, marks in (("both", both), ("kind", kind), ("colour", colour)):
            out[f"{how}_{name}"] = round(sum(marks) / len(marks), 4)
    return out


def nearest(thing: Thing, read: Sequence[ReadThing]) -> ReadThing | None:
    """What is seen where a thing should be; nothing where that is nowhere near."""

    def away(one: ReadThing) -> float:
        return float(max(abs(one.x - thing.x), abs(one.y - (thing.row - thing.half))))

    near = [one for one in read if away(one) <= 2 * NEAR]
    return min(near, key=away, default=None)


def telling_sheet(teller: Teller, count: int = 8, steps: int = 30) -> Tensor:
    """True pictures, and below them what each way makes of their regions."""
    some = cases(count)
    rows = [render([one.scene for one in some], FRAME, teller.painter.device)]
    ways: Sequence[How] = ("oracle", "prior", "text")
    return grid(torch.cat(rows + [teller.drawn(some, how, steps=steps) for how in ways]), count)
