"""Blending by disagreement: only where the new prompt tells a network something else may the picture change.

The idea of the mask is that of DiffEdit (Couairon et al., ICLR 2023, arXiv:2210.11427): noise the picture,
ask under both prompts, and see where the answers part. It needs no words to be named, follows from the
prompts for a thing, an attribute and the daylight alike, and is empty where both prompts say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost
from overpaint.controls import CrossReplace
from overpaint.guides import Plain
from overpaint.masks.shown import of_target
from overpaint.meter import Meter
from overpaint.model import Branch, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path, part
from overpaint.sample import Latents
from overpaint.words import Alignment

OLD, NEW = "old", "new"
"""The two rows; not those of an edit, so that nobody who watches its target's attention counts them."""
LEVELS = 9
"""Levels at which both are asked: the spread of one draw of noise has to be averaged out."""
NOISIEST, CLEANEST = 0.1, 0.9
"""The stretch of the walk they are taken from; at the ends the answers say little of what is asked."""
NOTHING = 1e-3
"""A disagreement that never exceeds this, with latents of unit variance, is rounding."""

Threshold = Annotated[
    float,
    Field(ge=0, lt=1, description="only where the prompts part by this share of the most may change; 0: all"),
]
"""From where on a disagreement counts, as an option."""


@dataclass(frozen=True)
class Asking:
    """What is compared: the picture's latent under two texts."""

    x0: Latent
    source: Text
    target: Text
    noise: Draws
    factors: Tensor | None = None
    """What the target's word maps are multiplied by, where words are re-weighted."""

    @property
    def alike(self) -> bool:
        """Whether both rows would be asked the very same."""
        plain = self.factors is None or bool((self.factors == 1).all())
        return plain and self.source.prompt.ids == self.target.prompt.ids


def reweighed(factors: Float[Tensor, " tokens"], steps: int, name: str) -> CrossReplace:
    """A new row's word maps times a factor for each token, and nothing of the old one's."""
    n = len(factors)
    none = Alignment(torch.zeros(n, n), torch.zeros(n))
    return CrossReplace(none, torch.ones(steps, n), factors, OLD + "+", frozenset({name + "+"}))


def levels(steps: int) -> list[int]:
    """The steps whose levels are asked about, evenly over the stretch."""
    first, last = part(steps, NOISIEST), max(part(steps, CLEANEST) - 1, 0)
    return sorted({first + round((last - first) * k / (LEVELS - 1)) for k in range(LEVELS)})


def asking_cost(steps: int) -> Cost:
    """Two rows a level; none where the prompts are the same."""
    return Cost(rows=(0, 2 * len(levels(steps))))


def further_cost(steps: int) -> Cost:
    """A row a level for each further target, as the old one is asked once."""
    return Cost(rows=(0, len(levels(steps))))


def disagreement(model: Model, path: Path, asking: Asking) -> Float[Tensor, "height width"]:
    """How far the beliefs about the picture part under the two texts, cell by cell, at most 1.

    ``mean over levels and channels of |x0(x_t; target) - x0(x_t; source)|`` with fresh noise at each level,
    smoothed over 3 x 3 cells and divided by its peak; zero everywhere if there is none.
    """
    return disagreements(model, path, {"tgt": asking})["tgt"]


def disagreements(
    model: Model, path: Path, askings: Mapping[str, Asking]
) -> dict[str, Float[Tensor, "height width"]]:
    """The same for several targets of one source, by their branches: the old row is asked once for all."""
    one = next(iter(askings.values()))
    x0 = one.x0.float()
    rows = {name: name.replace("tgt", NEW) for name in askings}
    new = {rows[name]: asking for name, asking in askings.items() if not asking.alike}
    found = dict.fromkeys(rows.values(), torch.zeros_like(x0[:, :1]))
    branches = [Branch(OLD, Plain(one.source)), *(Branch(name, Plain(a.target)) for name, a in new.items())]
    factors = {name: a.factors for name, a in new.items() if a.factors is not None}
    with model.control(*(reweighed(factor, len(path), name) for name, factor in factors.items())):
        for i in levels(len(path)) if new else ():
            noise = one.noise.normal(tuple(x0.shape), "disagreement", i).to(x0)
            x = path.noised(one.x0, noise.to(one.x0), i)
            p = model.predict(dict.fromkeys((OLD, *new), x), i, path, branches)
            for name in new:
                found[name] = found[name] + (p[name].x0 - p[OLD].x0).float().abs().mean(1, keepdim=True)
    return {name: to_peak(found[row]) for name, row in rows.items()}


def to_peak(found: Float[Tensor, "1 1 height width"]) -> Float[Tensor, "height width"]:
    """Smoothed, and divided by its peak."""
    smooth = F.avg_pool2d(F.pad(found, (1, 1, 1, 1), mode="replicate"), 3, stride=1)[0, 0]
    peak = smooth.max()
    return smooth / peak if float(peak) > NOTHING else torch.zeros_like(smooth)


@dataclass(frozen=True, eq=False)
class DisagreementBlend:
    """After each step the target becomes the source again wherever the prompts agree."""

    masks: Mapping[str, Bool[Tensor, "height width"]]
    """Where each target may differ, by its branch."""

    @staticmethod
    def of(model: Model, path: Path, askings: Mapping[str, Asking], threshold: float) -> "DisagreementBlend":
        """By what a network says; the masks are noted as ``maps["disagreement"]``."""
        found = disagreements(model, path, askings)
        masks = {name: one > threshold for name, one in found.items()}
        for name, mask in masks.items():
            told(model.meter, found[name], mask, name)
        return DisagreementBlend(masks)

    def __call__(self, i: int, xs: Mapping[str, Latent]) -> Latents:
        """The targets inside their masks, the source outside, both bit for bit."""
        source = xs["src"]
        return {**xs, **{name: torch.where(mask, xs[name], source) for name, mask in self.masks.items()}}


def told(meter: Meter, found: Tensor, mask: Tensor, target: str) -> None:
    """Tell the meter what was found, and what share of the picture may change."""
    name = of_target("disagreement", target)
    meter.maps[name] = found
    meter.note(name, float(mask.float().mean()))
