"""What an inpainting denoiser does with holes in held-out pictures, told by the judge."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from overpaint.stilllife.captions import describe
from overpaint.stilllife.judge import Judge, ReadThing, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import COLOURS, FRAME, KINDS, Scene, Thing
from overpaint.stilllife.suits import GUIDANCE
from overpaint.train.data import held_out
from overpaint.train.holes import Mask, cells, erased, over
from overpaint.train.loop import grid
from overpaint.train.nets import LATENT
from overpaint.train.sampling import Painter
from overpaint.train.vae import psnr

FIRST = 800_000
"""Number of the first scene that holes are measured in."""


@dataclass(frozen=True)
class Case:
    """A picture, a hole over one of its things, and the scene with another thing in its place."""

    scene: Scene
    index: int
    mask: Mask
    wanted: Scene

    @property
    def thing(self) -> Thing:
        """What should be in the hole."""
        return self.wanted.things[self.index]

    @property
    def text(self) -> str:
        """The sentence about the whole picture as it should be."""
        return describe(self.wanted).text


def case(scene: Scene) -> Case:
    """A hole over one thing of a scene, for one of a kind and a colour that it does not hold yet."""
    rng = random.Random(f"filled {scene.seed}")
    index = rng.randrange(len(scene.things))
    kinds = sorted(set(KINDS) - {thing.kind for thing in scene.things})
    colours = sorted(set(COLOURS) - {thing.colour for thing in scene.things})
    wanted = scene.with_thing(index, kind=rng.choice(kinds), colour=rng.choice(colours), pose="upright")
    return Case(scene, index, over(scene.things[index], rng), wanted)


def cases(count: int) -> list[Case]:
    """Held-out cases."""
    return [case(scene) for scene in held_out(count, start=FIRST)]


@torch.no_grad()
def filled(
    painter: Painter, some: Sequence[Case], *, steps: int = 50, guidance: float = GUIDANCE, chunk: int = 32
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b 3 h w"]]:
    """The pictures as they are, and with their holes filled, before anything is put back around them."""
    before = render([one.scene for one in some], FRAME, painter.device)
    masks = torch.stack([one.mask for one in some]).to(painter.device)
    noise = torch.randn(len(some), 4, LATENT, LATENT, generator=torch.Generator().manual_seed(0))
    after: list[Tensor] = []
    for k in range(0, len(some), chunk):
        part = slice(k, k + chunk)
        shown = erased(painter.vae, before[part], masks[part])[0] * painter.scale
        beside = torch.cat([cells(masks[part]).unsqueeze(1).to(shown), shown], 1)
        texts = [one.text for one in some[part]]
        latents = painter.denoise(noise[part].to(painter.device), texts, steps, guidance, beside)
        after.append(painter.decode(latents))
    return before, torch.cat(after)


def pasted(before: Tensor, after: Tensor, masks: Bool[Tensor, "b h w"]) -> Float[Tensor, "b 3 h w"]:
    """The filled holes in the pictures as they were."""
    return torch.where(masks.unsqueeze(1), after, before)


def filling_figures(painter: Painter, judge: Judge, count: int = 200, steps: int = 50) -> dict[str, float]:
    """Shares of held-out cases.

    "thing": something of the asked kind and colour has its middle in the hole. "kind", "colour": the one
    alone. "rest": all other things, the number of them and the surroundings are read as they were. "all":
    both, with the thing's material and size. "around_db": the picture around the hole before it is put back,
    and "trip_db" the same of the autoencoder's round trip.
    """
    some = cases(count)
    before, after = filled(painter, some, steps=steps)
    masks = torch.stack([one.mask for one in some]).to(before.device)
    marks = [
        marks_of(one, seen.things, score(seen, one.wanted, placed=True))
        for one, seen in zip(some, judge.read(pasted(before, after, masks)), strict=True)
    ]
    out = {name: sum(mark[name] for mark in marks) / len(marks) for name in marks[0]}
    for name, seen in (("around_db", after), ("trip_db", painter.decode(painter.encode(before)))):
        out[name] = float(psnr(before, seen, ~masks).mean())
    return {name: round(value, 4) for name, value in out.items()}


def marks_of(one: Case, seen: Sequence[ReadThing], right: dict[str, bool]) -> dict[str, bool]:
    """What of a case is right, by what is seen and how that agrees with the scene as it should be."""
    own = f"thing{one.index}."
    inside = [thing for thing in seen if one.mask[_cell(thing.y), _cell(thing.x)]]
    rest = all(value for name, value in right.items() if not name.startswith(own))
    thing = any(t.kind == one.thing.kind and t.colour == one.thing.colour for t in inside)
    return {
        "thing": thing,
        "kind": any(t.kind == one.thing.kind for t in inside),
        "colour": any(t.colour == one.thing.colour for t in inside),
        "rest": rest,
        "all": rest and thing and all(right[f"{own}{name}"] for name in ("material", "size")),
    }


def _cell(at: float) -> int:
    return min(FRAME - 1, max(0, int(at)))


def filling_sheet(painter: Painter, count: int = 16, steps: int = 30) -> Tensor:
    """Pictures with holes, and below each what was painted into it."""
    some = cases(count)
    before, after = filled(painter, some, steps=steps)
    masks = torch.stack([one.mask for one in some]).to(before.device)
    holed, done = pasted(before, torch.full_like(before, 0.5), masks), pasted(before, after, masks)
    rows = [row[k : k + 8] for k in range(0, count, 8) for row in (holed, done)]
    return grid(torch.cat(rows))
