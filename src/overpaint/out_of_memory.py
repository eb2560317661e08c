"""Memory that runs out: one sentence that says where, and what would make the work smaller."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from traceback import clear_frames

import torch

from overpaint.errors import OutOfMemory, short_of_memory

SAME_MEMORY = frozenset({"cpu", "mps"})
"""Kinds of devices that work in the memory of the CPU."""


@contextmanager
def roomy(where: str, ways: Sequence[str]) -> Generator[None, None, None]:
    """Work that cannot be taken apart: if it does not fit, say where and name the ways out.

    Raises:
        OutOfMemory: it did not fit.
    """
    try:
        yield
    except Exception as error:
        if not short_of_memory(error):
            raise
        # Whoever keeps the error, as a notebook does, would keep the tensors of the failed attempt with it.
        clear_frames(error.__traceback__)
        raise OutOfMemory(f"{where}; choose {either(ways)}.") from None


def ways_out(device: torch.device, dtype: torch.dtype | None, offload: bool) -> list[str]:
    """What makes any work on a model smaller.

    Args:
        device: where it works.
        dtype: the type in use, where another one would help.
        offload: whether parts wait on the CPU already.
    """
    found = ["a model for smaller pictures"]
    if dtype == torch.float32:
        found.insert(0, "the type bfloat16")
    if device.type not in SAME_MEMORY and not offload:
        found.append("parts that wait on the CPU (offload)")
    if device.type != "cpu":
        found.append("the device cpu")
    return found


def either(ways: Sequence[str]) -> str:
    """Ways in words: ``a, b or c``."""
    *others, last = ways
    return f"{', '.join(others)} or {last}" if others else last
