"""Cross-attention layers that read a text each: the tokens for all of them come in one after the other."""

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from overpaint.errors import OverpaintError
from overpaint.families.sites import readers_of
from overpaint.network import Text

_READERS: WeakKeyDictionary[nn.Module, Sequence[tuple[int, nn.Module]]] = WeakKeyDictionary()
"""The layers of networks that were asked before: to look for them takes as long as a small call."""


def readers(net: nn.Module) -> Sequence[tuple[int, nn.Module]]:
    """The cross-attention layers of a network, each with its place among those that can be told apart."""
    if net not in _READERS:
        _READERS[net] = list(readers_of(net).values())
    return _READERS[net]


@contextmanager
def by_layer(net: nn.Module, text: Text) -> Generator[None, None, None]:
    """A network whose layers read their own part of a text, for the length of a ``with``.

    Each layer takes its part by its own place, so neither a recomputation (gradient checkpointing, as long as
    it happens inside) nor the order of calls matters. Controls are asked afterwards and see that part alone.

    Raises:
        OverpaintError: the text speaks to fewer layers than there are.
    """
    if text.layers == 1:
        yield
        return
    found = readers(net)
    count = 1 + max((place for place, _ in found), default=0)
    if count > text.layers:
        raise OverpaintError(
            f"The text speaks to {text.layers} layers and the network has {count}; make one for it."
        )
    with ExitStack() as stack:
        # A compiled network would run its recorded graph without what is attached here.
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        for place, module in found:
            hook = partial(_part, place, text.window)
            handle = module.register_forward_pre_hook(hook, prepend=True, with_kwargs=True)
            stack.callback(handle.remove)
        yield


def _part(place: int, window: int, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
    told: Tensor = kwargs["encoder_hidden_states"]
    if told.shape[1] == window:  # another hook of this kind took the part already
        return None
    own = told[:, place * window : (place + 1) * window]
    return args, {**kwargs, "encoder_hidden_states": own}
