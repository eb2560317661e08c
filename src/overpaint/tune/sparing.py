"""Less memory for learning: activations are computed again on the way back instead of being kept."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from torch import nn

from overpaint.errors import UsageError


@contextmanager
def sparing(net: nn.Module, on: bool = True) -> Generator[None, None, None]:
    """A network that recomputes its activations for the length of a ``with``; afterwards it is as before.

    Raises:
        UsageError: it cannot.
    """
    own: Any = net
    if not on or getattr(net, "is_gradient_checkpointing", False):
        yield
        return
    if not getattr(net, "_supports_gradient_checkpointing", False):
        raise UsageError("This network cannot compute its activations twice; leave that option out.")
    own.enable_gradient_checkpointing()
    try:
        yield
    finally:
        own.disable_gradient_checkpointing()
