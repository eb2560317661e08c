"""The local blend of a walk of three: the target changes where its word is, and stays where it must not.

Xu et al., "Inversion-Free Image Editing with Language-Guided Diffusion Models", CVPR 2024, arXiv:2312.04965.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool
from torch import Tensor

from overpaint.controls import Keep
from overpaint.masks.morphology import resized
from overpaint.masks.shown import show
from overpaint.meter import Meter
from overpaint.path import Path
from overpaint.sample import Latents
from overpaint.words import Alignment

SOURCE, LAYOUT, TARGET = "src", "mut", "tgt"
FEWEST = 3
"""Steps of a walk with one between the first and the last."""
HEAT = 0.15
"""The threshold of a change is this over the picture's share of the latent, where that is more."""


@dataclass(eq=False)
class LayoutBlend:
    """After each step but the first and the last the target is put back where its words do not reach.

    A place is where the attention to any of the words, as the target's words would read the maps of another
    branch, is above a share of its peak. Outside the place of the words that change, in the maps of the
    branch that holds the target's layout, the target becomes that branch; in the place of the words that
    stay, in the source's maps, it becomes the source. Words that are both become the former once, late.
    """

    keep: Keep
    """Records the maps of all three; pushed before the controls that edit them."""
    alignment: Alignment
    """From the source's words to the target's."""
    change: Sequence[int]
    """The target's tokens of the words that change; none: the whole picture may."""
    stay: Sequence[int]
    """Those of the words that stay."""
    threshold: float
    stay_threshold: float
    path: Path
    meter: Meter

    def __call__(self, i: int, xs: Latents) -> Latents:
        """The target, put back."""
        steps = len(self.path)
        if i == 0 or i + 1 == steps:
            return xs
        source, layout, target = xs[SOURCE], xs[LAYOUT], xs[TARGET]
        cells = target.shape[-2:]
        may = torch.ones(cells, dtype=torch.bool, device=target.device)
        if self.change:
            hot = max(self.threshold, HEAT / float(self.path.alpha[i]))
            may = self._place(LAYOUT, self.change, hot, *cells)
            target = torch.where(may, target, layout)
        if alone := [token for token in self.stay if token not in self.change]:
            must = self._place(SOURCE, alone, self.stay_threshold, *cells)
            target, may = torch.where(must, source, target), may & ~must
        both = [token for token in self.stay if token in self.change]
        if both and i + 2 == steps:
            target = torch.where(self._place(LAYOUT, both, self.threshold, *cells), layout, target)
        show(self.meter, may)
        return {**xs, TARGET: target}

    def _place(
        self, name: str, tokens: Sequence[int], threshold: float, height: int, width: int
    ) -> Bool[Tensor, "{height} {width}"]:
        own, others = self.keep.mean(f"{TARGET}+"), self.keep.mean(f"{name}+")
        kept = self.alignment.kept.to(own)
        read = kept * (others @ self.alignment.matrix.to(own)) + (1 - kept) * own
        shown = resized(read[..., list(tokens)].amax(-1), height, width)
        return shown / shown.max().clamp(min=torch.finfo(shown.dtype).tiny) > threshold
