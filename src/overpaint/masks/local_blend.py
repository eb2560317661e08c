"""Local blend: only what the attention to chosen words covers may change.

Hertz et al., "Prompt-to-Prompt Image Editing with Cross Attention Control", ICLR 2023, arXiv:2208.01626, in
the two forms the authors released.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from overpaint.controls import Keep
from overpaint.masks.morphology import dilate, resized
from overpaint.masks.shown import of_target, show
from overpaint.meter import Meter
from overpaint.sample import Latents

SOURCE, TARGET = "src", "tgt"
Places = Mapping[str, Sequence[int]]
"""Tokens by branch."""


@dataclass(eq=False)
class LocalBlend:
    """After each step the target becomes the source again wherever it pays chosen words little attention.

    The mask of a branch is its summed attention to the words, widened by a 3 x 3 maximum, brought to the size
    of the latents and divided by its peak, where that exceeds the threshold; the masks of both branches are
    united. It comes after whatever corrects the source, so that what lies outside is the corrected source.
    """

    keep: Keep
    """Records the maps of both branches' conditional rows; pushed after the controls that edit them."""
    words: Places
    """The tokens of the words that may change."""
    subtract: Places = field(default_factory=dict[str, Sequence[int]])
    """The tokens of words that must not; their masks are not widened."""
    threshold: float = 0.3
    start: int = 0
    """The first step that blends (0 in the first release, a fifth of the steps in the second)."""
    meter: Meter = field(default_factory=Meter)
    """Told at each step what share of the picture may change; gets the masks as ``maps["blend"]``."""
    subtract_threshold: float | None = None
    """Of the words that must not change; by itself that of the others."""
    source: str = SOURCE
    """The branch that stands outside of the mask."""
    target: str = TARGET
    """The branch that may change inside it."""
    masks: list[Bool[Tensor, "height width"]] = field(
        default_factory=list[Bool[Tensor, "height width"]], init=False, repr=False
    )

    def __call__(self, i: int, xs: Latents) -> Latents:
        """The target inside the mask, the source outside, both bit for bit."""
        if i < self.start:
            return xs
        source, target = xs[self.source], xs[self.target]
        mask = self.mask(*target.shape[-2:])
        self.masks.append(mask)
        name = of_target("blend", self.target)
        self.meter.note(name, float(mask.float().mean()))
        show(self.meter, mask, self.target)
        self.meter.maps[name] = torch.stack(self.masks)
        return {**xs, self.target: torch.where(mask, target, source)}

    def mask(self, height: int, width: int) -> Bool[Tensor, "{height} {width}"]:
        """Where the target may differ, from what was recorded so far."""
        may = self._region(self.words, 3, self.threshold, height, width)
        if not self.subtract:
            return may
        own = self.threshold if self.subtract_threshold is None else self.subtract_threshold
        return may & ~self._region(self.subtract, 1, own, height, width)

    def _region(self, words: Places, widen: int, threshold: float, height: int, width: int) -> Tensor:
        maps = [self.keep.of(f"{name}+", places) for name, places in words.items()]
        shown = [resized(dilate(m, widen), height, width) for m in maps]
        return torch.stack([_above(m, threshold) for m in shown]).any(0)


def _above(shown: Float[Tensor, "height width"], threshold: float) -> Bool[Tensor, "height width"]:
    # A map without a positive value (a word weighted away) covers nothing; dividing by its peak would
    # give no number, or turn it over.
    return shown / shown.max().clamp(min=torch.finfo(shown.dtype).tiny) > threshold
