"""How like several edits of one picture are to one another.

There is one way for an edit to come off and there are many for it to fail, so that of several edits by
different inversions the one most like the others is the safest to take: the idea of self-consistency, which
takes of many answers of a language model the one that most of them give (Wang et al., ICLR 2023,
arXiv:2203.11171), put to pictures.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from overpaint.network import Pixels

FEWEST = 3
"""Of two edits each is as like the other."""
CELLS = 128
"""Along a side, at which pictures are held against each other."""


def apart(pictures: Sequence[Pixels]) -> Float[Tensor, "edits edits"]:
    """How far edits of one picture lie from one another: the root of the mean square, pixels in [-1, 1]."""
    small = torch.cat([reduced(one.detach().float().cpu()) for one in pictures])
    return torch.stack([(small - one).square().mean((1, 2, 3)).sqrt() for one in small])


def reduced(pixels: Pixels) -> Float[Tensor, "rows 3 fewer_down fewer_across"]:
    """A picture of at most so many cells a side."""
    down, across = pixels.shape[-2:]
    return adaptive_avg_pool2d(pixels, (min(down, CELLS), min(across, CELLS)))


def likest(distances: Float[Tensor, "edits edits"]) -> int:
    """Which edit is most like all others; of equal ones the first."""
    return int(distances.sum(1).argmin())
