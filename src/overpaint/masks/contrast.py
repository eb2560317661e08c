"""The contrast of two prompts: where a network, shown the same noisy picture, answers them differently.

Couairon et al., "DiffEdit: Diffusion-based semantic image editing with mask guidance", ICLR 2023,
arXiv:2210.11427, step 1. No code was published; what the paper leaves open is as in its re-implementations.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn.functional import max_pool2d

from overpaint.guides import Plain
from overpaint.masks.erased import beside_nothing
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text, same
from overpaint.options import Options
from overpaint.path import Latent, Path, part
from overpaint.task import Mask01, Task

TOGETHER = 2
"""Draws that share a network call: four rows, as many as a guided edit beside its source takes."""
Prompt = Literal["source", "nothing"]
Contrasts = Float[Tensor, "1 1 height width"]


class Contrast(Options):
    """A mask of what two prompts disagree about.

    With ``d = mean |eps(x, one) - eps(x, other)|`` over several noisy copies ``x`` of the picture and over
    channels, ``d`` is cut off at ``clamp`` times its own mean, brought to [0, 1], and the mask is where more
    than ``threshold`` is left. Guidance would multiply ``d`` by a number, which its mean takes out again, so
    two rows a copy are enough. As the measure is relative, some place is found even where nothing should
    change; only for the same text twice there is none.
    """

    strength: float = Field(
        default=0.5, gt=0, le=1, description="how noisy the copies are, as a share of the path"
    )
    samples: int = Field(default=10, ge=1, le=100, description="noisy copies that are averaged")
    clamp: float = Field(
        default=3.0, gt=0, le=100, description="how many times the mean counts as much, and no more"
    )
    threshold: float = Field(
        default=0.5, ge=0, le=1, description="share of that from which a place belongs to the mask"
    )
    reference: Prompt = Field(
        default="source", description="what the target is contrasted with: the source prompt, if there is one"
    )
    resample: bool = Field(
        default=False, description="draw the picture's latent anew for each copy, as diffusers does"
    )
    grow: int = Field(default=0, ge=0, le=32, description="cells by which the mask is widened")

    @property
    def rows(self) -> int:
        """What it asks of the network."""
        return 2 * self.samples

    def mask(self, model: Model, path: Path, task: Task) -> Mask01:
        """Where a task's target prompt and the reference disagree about its picture."""
        path = path.last(max(1, part(len(path), self.strength)))
        copies = [self._noisy(model, path, task, k) for k in range(self.samples)]
        texts, beside = (task.target, said(task, self.reference)), partial(beside_nothing, model, task)
        return self.cut(contrast(model, path, copies, *texts, beside))

    def _noisy(self, model: Model, path: Path, task: Task, k: int) -> Latent:
        x0 = task.x0
        if self.resample:
            x0 = model.family.encode(task.pixels, task.noise.normal(task.shape, "posterior", k).to(x0))
        return path.noised(x0, task.noise.normal(task.shape, "contrast", k).to(x0), 0)

    def cut(self, found: Contrasts) -> Mask01:
        """The mask; where there is no contrast at all, nothing is in it."""
        mean = found.mean()
        share = (found / (self.clamp * mean).clamp(min=torch.finfo(found.dtype).tiny)).clamp(0, 1)
        mask = (share > self.threshold).to(found)
        return max_pool2d(mask, 2 * self.grow + 1, stride=1, padding=self.grow) if self.grow else mask


def said(task: Task, what: Prompt) -> Text:
    """The source prompt, where that is wanted and there is one, or the empty one."""
    return task.null if what == "nothing" or task.given_source is None else task.given_source


def as_it_is(guide: Guide) -> Guide:
    """The guide itself."""
    return guide


def contrast(
    model: Model,
    path: Path,
    copies: Sequence[Latent],
    one: Text,
    other: Text,
    beside: Callable[[Guide], Guide] = as_it_is,
) -> Contrasts:
    """How much two texts disagree, cell by cell, about latents at the first level of a path.

    ``beside`` adds what the network reads beside latents.
    """
    gaps = list[Latent]()
    for start in range(0, len(copies), TOGETHER):
        few = copies[start : start + TOGETHER]
        xs = {f"{name}{k}": x for k, x in enumerate(few) for name in ("one", "other")}
        texts = {name: beside(Plain(one if name.startswith("one") else other)) for name in xs}
        ps = model.predict(xs, 0, path, [Branch(name, guide) for name, guide in texts.items()])
        gaps += [(ps[f"one{k}"].eps - ps[f"other{k}"].eps).abs() for k in range(len(few))]
    found = torch.cat(gaps).mean((0, 1))[None, None]
    # Two rows with one text may differ in their last bits, of which nothing should be made.
    return torch.zeros_like(found) if same(one, other) else found
