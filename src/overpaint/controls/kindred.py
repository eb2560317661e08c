"""Alignment by meaning: a new word takes the place of the old one that is nearest to it.

Xu et al., "Inversion-Free Image Editing with Language-Guided Diffusion Models", CVPR 2024, arXiv:2312.04965.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

from torch import Tensor
from torch.nn.functional import normalize

from overpaint.network import Text
from overpaint.words import Alignment, refine


def kindred(source: Text, target: Text, official: bool = False) -> tuple[Alignment, Mapping[int, int]]:
    """Refinement, and in every run of new tokens the one that is most like an old one that it replaced.

    Of the target's tokens between two that both prompts share, and of the source's between the same two, the
    pair whose encoded texts have the largest cosine is aligned as well. Returns the alignment, and those
    pairs as the source's token by the target's. ``official`` repeats a slip of the published code, which
    looks each token's place up in the other prompt.
    """
    found = refine(source.prompt, target.prompt)
    near = alike(target, source).T if official else alike(source, target)
    matrix, kept, pairs = found.matrix.clone(), found.kept.clone(), dict[int, int]()
    shared = [j for j in range(len(target.prompt.ids)) if kept[j]]
    for before, after in pairwise(shared):
        first, last = (int(found.matrix[:, j].argmax()) for j in (before, after))
        old, new = range(first + 1, last), range(before + 1, after)
        if old and new:
            i, j = max(((i, j) for j in new for i in old), key=lambda pair: float(near[pair]))
            matrix[i, j], kept[j], pairs[j] = 1, 1, i
    return replace(found, matrix=matrix, kept=kept), pairs


def alike(source: Text, target: Text) -> Tensor:
    """The cosine of every token of one text with every token of another."""
    one, other = (normalize(text.mean[0].float(), dim=-1) for text in (source, target))
    return one @ other.T
