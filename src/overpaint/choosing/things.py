"""Where a segmenter finds things before and after an edit: what nobody spoke of should be where it was.

A model whose folder holds a segmenter knows the names of things in its pictures; which of them the prompts
speak of is known from its words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot

import torch
from jaxtyping import Bool
from torch import Tensor

from overpaint.network import Pixels
from overpaint.sides.conditions import connected
from overpaint.sides.segmenter import Segmenter, overlap

KIND = "kind"
"""The kind of word that names a thing, as the model tells of its words."""
LEAST = 0.0025
"""Share of a picture from which on a region is a thing and no speck."""
SIGNALS: Mapping[str, str] = {
    "places": "how far the things that stay have moved, as a share of the picture's height (negative)",
    "shapes": "how well the outlines of things that stay lie on each other (overlap of the worst)",
    "things": "how many things too many or too few there are for what the prompts say (negative)",
}
"""What is told of an edit, and what it says. A model without a segmenter has none of it."""


@dataclass(frozen=True, eq=False)
class Thing:
    """One thing in a picture."""

    name: str
    where: Bool[Tensor, "h w"]

    @property
    def foot(self) -> tuple[float, float]:
        """Where it stands: the middle across and the lowest row, as shares of the height."""
        rows, columns = self.where.nonzero(as_tuple=True)
        height = self.where.shape[0]
        return float(columns.float().mean()) / height, float(rows.max()) / height


def nouns(names: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """The names that are those of things."""
    return [name for name in names if words.get(name) == KIND]


def things(segmenter: Segmenter, names: Sequence[str], pixels: Pixels) -> list[Thing]:
    """All things of these names in a picture with values in [-1, 1], largest first."""
    segments = segmenter.read((pixels.float() + 1) / 2).segments[0]
    least, found = LEAST * segments.numel(), list[Thing]()
    for place, name in enumerate(segmenter.palette.names):
        left = (segments == place) if name in names else torch.zeros_like(segments, dtype=torch.bool)
        while int(left.sum()) >= least:
            seed = torch.zeros_like(left).flatten()
            seed[int(left.flatten().int().argmax())] = True
            part = connected(seed.view(1, 1, *left.shape), left[None, None])[0, 0]
            left = left & ~part
            if int(part.sum()) >= least:
                found.append(Thing(name, part))
    return sorted(found, key=lambda thing: -int(thing.where.sum()))


def said(prompt: str, words: Mapping[str, str]) -> Counter[str]:
    """The things that a prompt speaks of, by their nouns."""
    told = (word.strip(",.").lower() for word in prompt.split())
    return Counter(word for word in told if words.get(word) == KIND)


def stayed(
    before: Sequence[Thing], after: Sequence[Thing], source: Counter[str], target: Counter[str]
) -> dict[str, float]:
    """What `SIGNALS` says of an edit.

    Things that the target prompt speaks of no more may be anywhere, so the worst of so many do not count.
    """
    wanted = len(before) + target.total() - source.total()
    there = max(0, len(before) - max(0, source.total() - target.total()))
    shifts = sorted(min((away(one, other) for other in after), default=1.0) for one in before)[:there]
    same = max(0, len(before) - (source - target).total())
    laps = sorted(max((overlap(one.where, other.where) for other in after), default=0.0) for one in before)
    return {
        "places": -max(shifts, default=0.0),
        "shapes": min(laps[len(laps) - same :], default=1.0),
        "things": -float(abs(len(after) - wanted)),
    }


def away(one: Thing, other: Thing) -> float:
    """How far two things stand from each other, as a share of the picture's height."""
    (x, y), (u, v) = one.foot, other.foot
    return hypot(x - u, y - v)
