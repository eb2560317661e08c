"""Noise made to look like noise: small descents that take its patterns away and bring its spread to one.

What a network names at a step of an inversion is not quite white: neighbouring cells agree, and the spread is
not one. A latent that ends in such noise is one the network has not met, and it edits badly. Parmar et al.,
"Zero-shot Image-to-Image Translation", SIGGRAPH 2023, arXiv:2302.03027, section 3.2.
"""

from collections.abc import Callable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from overpaint.meter import Meter
from overpaint.path import Latent

COARSEST = 8
"""The side, in cells, at which the pyramid ends."""
TINY = 1e-7
Loss = Callable[[Latent], Tensor]


def sides(height: int, width: int) -> list[int]:
    """The shorter side at every level of the pyramid: halved until it is at most 8."""
    found = [min(height, width)]
    while found[-1] > COARSEST:
        found.append(found[-1] // 2)
    return found


def patterns(eps: Float[Tensor, "1 c h w"], shifts: Sequence[Int[Tensor, " channels"]]) -> Float[Tensor, ""]:
    """How far cells agree with those a shift away: zero, up to chance, for white noise.

    ``sum over levels and channels of mean(e · roll_y(e, r))² + mean(e · roll_x(e, r))²``, where a level is
    the average over 2 x 2 cells of the one before, and ``r`` is the shift of that level and channel. A shift
    of 0 punishes the spread instead.
    """
    total = eps.new_zeros(())
    for level, own in enumerate(shifts):
        eps = F.avg_pool2d(eps, 2) if level else eps
        for channel, shift in enumerate(cast("list[int]", own.tolist())):  # pyright: ignore[reportUnknownMemberType]
            one = eps[:, channel]
            for axis in (-2, -1):
                total = total + (one * one.roll(shift, axis)).mean() ** 2
    return total


def excess(eps: Latent) -> Float[Tensor, ""]:
    """Twice the divergence from white noise by mean and spread alone: ``var + mean² - 1 - log var``."""
    var = eps.var()
    return var + eps.mean() ** 2 - 1 - torch.log(var + TINY)


def descended(meter: Meter, eps: Latent, loss: Loss, by: float) -> Latent:
    """One step down the gradient of a loss; gradients are on inside alone, and nothing of them is left."""
    meter.tick("update")
    with torch.enable_grad():
        free = eps.detach().clone().requires_grad_()
        (grad,) = torch.autograd.grad(loss(free), free)
    return (free - by * grad).detach()
