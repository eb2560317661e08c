"""Models by name, on a device that exists, without a trace in the global random state."""

from collections.abc import Generator
from contextlib import contextmanager

import torch

from overpaint.errors import UsageError
from overpaint.model import Model

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
MOST_THREADS = 256
"""A recipe is a stranger's file; a number without bound could bring the machine down."""


def load(
    name: str = "still-life", dtype: str | torch.dtype | None = None, device: str | None = None
) -> Model:
    """A model by its name (``still-life``) or from a diffusers folder of SD 1.x, SD 2.x or SDXL.

    Args:
        name: the name, or the folder.
        dtype: the network's type (``"float32"``, ``"float16"``, ``"bfloat16"``); by itself float32 on the
            CPU and bfloat16 or float16 elsewhere.
        device: ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``; by itself the best there is.

    Raises:
        UsageError: no such model, type or device, a folder that lacks parts, or an unsupported family.
    """
    if isinstance(dtype, str):
        dtype = dtype_of(dtype)
    state = torch.random.get_rng_state()
    try:
        return Model.load(name, dtype, device)
    finally:  # constructors may draw weights before the stored ones replace them
        torch.random.set_rng_state(state)


def dtype_of(name: str) -> torch.dtype:
    """The type of that name."""
    if name not in DTYPES:
        raise UsageError(f"There is no type {name!r} for a network; use one of: {', '.join(DTYPES)}.")
    return DTYPES[name]


@contextmanager
def threads(count: int | None) -> Generator[None, None, None]:
    """That many threads for one torch operation: the last bits of sums depend on it."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(count or before, MOST_THREADS))
    try:
        yield
    finally:
        torch.set_num_threads(before)
