"""Where words are looked at while a picture is walked to noise: a mask from a word.

The threshold and the widening are those of the local blend of Prompt-to-Prompt (Hertz et al., ICLR 2023,
arXiv:2208.01626), here over the source's own walk, as MasaCtrl (arXiv:2304.08465) and LEDITS++
(arXiv:2311.16711) look for things.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.controls.keep import Keep, near_side
from overpaint.guides import Plain
from overpaint.masks.erased import beside_nothing
from overpaint.masks.morphology import dilate
from overpaint.model import Branch, Model
from overpaint.network import Text
from overpaint.sample import noise
from overpaint.task import Mask01, Task

STEPS = 20
"""Steps of the walk: so few, as only the mean over them counts."""
THRESHOLD = 0.3
"""Share of the peak from which a place belongs to a word."""


def attended(model: Model, task: Task, text: Text, words: Sequence[str], size: tuple[int, int]) -> Mask01:
    """The places of some words of a text about a task's picture, together, on a grid of that size.

    Raises:
        UsageError: a word is not in the text.
    """
    places = [text.prompt.places(word) for word in words]
    keep = Keep(near_side(model.tap.sites, *task.shape[-2:]), frozenset({"src+"}))
    branch = Branch("src", beside_nothing(model, task, Plain(text)))
    with model.control(keep):
        noise(model, model.path(STEPS), task.x0, branch)
    return torch.stack([above(dilate(keep.of("src+", one)), size) for one in places]).amax(0)


def above(seen: Float[Tensor, "rows columns"], size: tuple[int, int]) -> Mask01:
    """Where a map, brought smoothly to a finer grid, is beyond its threshold."""
    fine = interpolate(seen[None, None], size, mode="bilinear", align_corners=False)
    return (fine > THRESHOLD * fine.amax()).to(fine)
