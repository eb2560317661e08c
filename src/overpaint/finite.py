"""Latents that are no longer numbers: found at the step where it happens, with the likely cause."""

from collections.abc import Iterable

import torch
from torch import Tensor

from overpaint.errors import NotFinite

HUGE = 1e3
"""Latents of pictures stay below a hundred, whatever the family."""


def finite(tensors: Iterable[Tensor]) -> bool:
    """Whether everything is a number: one look at a device for all of it."""
    sums = [torch.isfinite(x).all() for x in tensors]
    return bool(torch.stack(sums).all()) if sums else True


def stopped(
    before: Iterable[Tensor], rows: Iterable[Tensor], dtype: torch.dtype, i: int, steps: int
) -> NotFinite:
    """The error for a step whose result is not all numbers.

    Args:
        before: the latents it began with.
        rows: what the network gave, before guidance.
        dtype: the network's type.
        i: the step.
        steps: how many there are.
    """
    largest = max(float(x.abs().max()) for x in before)
    if finite(rows) or not largest < HUGE:
        cause = "the guidance is too high; lower it"
    elif dtype == torch.float16:
        cause = "the network computes in float16, which overflows; choose the type bfloat16 or float32"
    else:
        cause = "the network itself gave them, so its weights are damaged; try another model"
    return NotFinite(f"The latents stopped being numbers at step {i + 1} of {steps}: {cause}.")
