"""Tuning an embedding until what it leads to is close: what null-text and its relatives are made of."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from overpaint.errors import NotFinite
from overpaint.meter import Meter

Misses = Callable[[Tensor], Tensor | Sequence[Tensor]]
"""From an embedding to how far each element of a latent is from where it should be, and perhaps of more."""


def fit(meter: Meter, misses: Misses, start: Tensor, updates: int, rate: float, enough: float) -> Tensor:
    """Adam on the mean square of the misses, from ``start`` on, in float32 whatever a network computes in.

    Where several things are missed, their mean squares are added up.

    The loss is measured before an update and looked at after it (as null-text inversion does): unless
    ``updates`` is 0, one always happens. Gradients are kept for the embedding alone.

    Args:
        meter: told of every backward pass and every update, each of which can be cancelled, and gets the
            losses as the figure ``loss``, and as ``loss beside`` what others than the first thing add to it.
        misses: what to make small.
        start: the embedding to begin with; it is not changed.
        updates: how many updates at most.
        rate: Adam's learning rate.
        enough: the loss below which it stops.

    Raises:
        NotFinite: loss or gradient are no numbers any more.
    """
    states = start.detach().float().clone().requires_grad_(True)
    adam = torch.optim.Adam([states], lr=rate)
    for k in range(updates):
        with torch.enable_grad():
            missed = misses(states)
            first, *more = [missed] if isinstance(missed, Tensor) else missed
            # A power of two near the number of elements changes no digit of the gradient, but keeps it from
            # vanishing on its way through a network in half precision.
            lift = 2.0 ** (first.numel().bit_length() - 1)
            loss = first.square().mean()
            if more:
                beside = torch.stack([one.square().mean() for one in more]).sum()
                meter.note("loss beside", float(beside.detach()))
                loss = loss + beside
            meter.tick("backward")
            (grad,) = torch.autograd.grad(loss * lift, states)
        if not math.isfinite(now := float(loss.detach())) or not bool(torch.isfinite(grad).all()):
            raise NotFinite(
                f"The tuned text stopped being numbers at update {k + 1}: the learning rate {rate:.2g} is "
                "too high, or the network overflows in float16; lower the rate, or choose the type float32."
            )
        meter.note("loss", now)
        states.grad = grad / lift
        meter.tick("update")
        adam.step()  # pyright: ignore[reportUnknownMemberType]
        if now < enough:
            break
    return states.detach()
