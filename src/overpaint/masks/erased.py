"""What inpainting networks read beside a latent: where to paint, and the picture with a hole there."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.guides import Beside
from overpaint.model import Guide, Model
from overpaint.network import Pixels
from overpaint.task import CELLS, Mask01, Task

Erased = Float[Tensor, "1 5 height width"]
"""The mask, 1 where to paint, and behind it the latent of the erased picture."""


def hole(task: Task, cells: CELLS) -> Float[Tensor, "1 1 rows columns"]:
    """Which pixels are erased, 1: those that are white at least by half.

    Where any pixel counts it is those that are not black, so that a feather hides nothing from the mask.
    """
    mask = task.mask
    return (mask > 0 if cells == "touched" else mask >= 0.5).to(mask)


def erased_pixels(task: Task, cells: CELLS) -> Pixels:
    """The picture, mid-grey in the hole."""
    return (task.pixels * (1 - hole(task, cells))).contiguous()  # other strides cost normalisation its bits


def erased(model: Model, task: Task, cells: CELLS = "middle", drawn: bool = False) -> Erased:
    """The channels in the order of diffusers: mask, then masked picture. GLIDE's has the mask last.

    ``drawn`` takes a sample of the autoencoder's posterior, as diffusers does, in place of its mean.
    """
    noise = task.noise.normal(task.shape, "erased") if drawn else None
    x0 = model.family.encode(erased_pixels(task, cells), noise)
    return torch.cat([task.region(cells).to(x0), x0], 1)


def known(task: Task) -> Float[Tensor, "1 4 height width"]:
    """The channels of a network that works on pixels, as GLIDE's: the picture with its hole, and 1 around."""
    around = 1 - task.region()
    return torch.cat([task.pixels * around, around], 1)


def beside_erased(model: Model, task: Task, guide: Guide, cells: CELLS, drawn: bool = False) -> Guide:
    """The guide as the model reads it: with those channels on an inpainting network, as it is on others."""
    if not model.family.extra:
        return guide
    pixels = model.family.factor == 1
    return Beside(guide, known(task) if pixels else erased(model, task, cells, drawn))


def beside_nothing(model: Model, task: Task, guide: Guide) -> Guide:
    """The guide as an inpainting network reads it that is shown no picture: as if it were an ordinary one."""
    if not model.family.extra:
        return guide
    whole = torch.ones_like(task.pixels[:, :1])
    blind = replace(task, given_mask=whole)
    return beside_erased(model, blind, guide, "middle")


def covered(task: Task, cells: CELLS | None = None) -> Mask01:
    """The mask on the latent's grid; ``cells`` says which of them it covers where that can be chosen.

    Raises:
        UsageError: it covers no cell of it, so nothing would change.
    """
    region = task.region(cells or "middle")
    if not region.any():
        remedy = (
            "paint it wider, or let it grow" if cells is None else "let cells be 'touched', or paint it wider"
        )
        raise UsageError(
            f"The mask is thinner than a cell of the model's latent, so nothing would change; {remedy}."
        )
    return region
