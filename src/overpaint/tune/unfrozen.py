"""Parameters that may change for the length of a ``with``, and are afterwards what they were, to the bit."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from overpaint.errors import OverpaintError


@contextmanager
def unfrozen(
    net: nn.Module, chosen: Callable[[str], bool] = lambda name: True
) -> Generator[dict[str, Tensor], None, None]:
    """The chosen parameters of a network by name, open to gradients; put back also on error or cancel.

    Raises:
        OverpaintError: no parameter is chosen.
    """
    parameters = {name: p for name, p in net.named_parameters() if chosen(name)}
    if not parameters:
        raise OverpaintError("No parameter of the network was chosen, so there is nothing to learn.")
    before = {name: (p.detach().clone(), p.requires_grad) for name, p in parameters.items()}
    try:
        for p in parameters.values():
            p.requires_grad_(True)
        yield dict(parameters)
    finally:
        with torch.no_grad():
            for name, p in parameters.items():
                value, needed = before[name]
                p.requires_grad_(needed)
                p.grad = None
                p.copy_(value)
