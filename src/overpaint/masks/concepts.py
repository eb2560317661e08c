"""Where a concept may push: where its words are looked at, where its push is largest, or both.

Brack et al., "LEDITS++: Limitless Image Editing using Text-to-Image Models", CVPR 2024, arXiv:2311.16711,
section 3.3.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.controls.keep import Keep, near_side
from overpaint.guides.semantic import Term, by_cell, largest, row
from overpaint.masks.morphology import resized
from overpaint.masks.shown import MASK, show
from overpaint.model import Call, Model
from overpaint.path import Latent
from overpaint.task import Mask01

Found = Annotated[
    Literal["both", "noise", "attention"],
    Field(description="what decides where a concept may push: its words' attention, the noise, or both"),
]
SPREAD = 0.5
"""The published blur falls off as ``exp(-(x / (2 * SPREAD))²)``."""
ALWAYS = 1000
Alone = Annotated[
    int,
    Field(ge=0, le=ALWAYS, description="training level above which attention decides alone (diffusers: 800)"),
]


def softened(seen: Float[Tensor, "height width"]) -> Float[Tensor, "height width"]:
    """A map blurred a little: each cell a mean of the 3 x 3 around it, the sides mirrored."""
    line = torch.exp(-((torch.tensor([-1.0, 0.0, 1.0]) / (2 * SPREAD)) ** 2)).to(seen)
    kernel = line[:, None] * line[None]
    around = F.pad(seen[None, None], (1, 1, 1, 1), mode="reflect")
    return F.conv2d(around, (kernel / kernel.sum())[None, None])[0, 0]


@dataclass(frozen=True)
class ConceptMasks:
    """The masks of several concepts, anew at each step, shown to whoever looks."""

    found: Found
    alone_above: int = ALWAYS
    """Above this training level the words' attention decides alone where both would."""
    keep: Keep | None = None
    """Records each concept's attention; push it for the walk. Nothing where noise decides."""
    given: Mask01 | None = None
    """Where the picture may change at all."""
    seen: dict[str, list[Tensor]] = field(default_factory=dict[str, list[Tensor]], repr=False)
    """The masks so far, by concept."""

    @staticmethod
    def of(
        model: Model,
        shape: Sequence[int],
        terms: Sequence[Term],
        found: Found,
        given: Mask01 | None = None,
        alone_above: int = ALWAYS,
    ) -> "ConceptMasks":
        """For terms of the branch ``tgt``, whose latents have that shape."""
        names = near_side(model.tap.sites, *shape[-2:])
        roles = frozenset(f"tgt{row(k)}" for k in range(len(terms)))
        keep = None if found == "noise" else Keep(names, roles, "step")
        return ConceptMasks(found, alone_above, keep, given)

    @property
    def controls(self) -> list[Keep]:
        """What must be pushed for the walk."""
        return [] if self.keep is None else [self.keep]

    def __call__(self, k: int, term: Term, push: Latent, call: Call) -> Float[Tensor, "1 1 h w"]:
        """The mask of one concept at one step."""
        push = push if self.given is None else push * self.given
        mask = torch.ones_like(push[:, :1]) if self.given is None else self.given
        if self.keep is not None:
            mask = mask * self._attended(self.keep, k, term, push)
        alone = self.keep is not None and call.path.t[call.i] > self.alone_above
        if self.found != "attention" and not alone:
            mask = mask * by_cell(k, term, push, call)
        self._show(term, mask, call)
        return mask

    def _attended(self, keep: Keep, k: int, term: Term, push: Latent) -> Float[Tensor, "1 1 h w"]:
        words = range(1, len(term.text.prompt.ids) - 1)  # without begin and end
        looked = softened(keep.of(f"tgt{row(k)}", words))
        return resized(largest(looked[None, None], term.threshold)[0, 0], *push.shape[-2:])[None, None].to(
            push
        )

    def _show(self, term: Term, mask: Mask01, call: Call) -> None:
        several = self.seen.setdefault(term.name, [])
        several.append(mask[0, 0])
        call.meter.maps[term.name] = torch.stack(several)
        before = call.meter.maps.get(MASK)
        show(call.meter, mask if before is None else torch.cat([before[None, None], mask]))
