"""Tokens that every cross-attention layer reads behind the text, in the same product.

They come in below the controls: what these see, and edit, are the words and their part of the maps.
"""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn

from overpaint.families.by_layer import readers


@contextmanager
def appended(net: nn.Module, tokens: Tensor | None, window: int) -> Generator[None, None, None]:
    """A network that reads these tokens, some a row, behind texts of ``window``, inside a ``with``.

    The hooks come after those of controls and of texts by layer, which are there already.
    """
    if tokens is None:
        yield
        return

    def longer(states: Tensor) -> Tensor:
        # What the keys read has been made longer when the values read it, unless a control gave them others.
        return torch.cat([states, tokens.to(states)], 1) if states.shape[1] == window else states

    with ExitStack() as stack:
        # A compiled network would run its recorded graph without what is attached here.
        stack.enter_context(torch.compiler.set_stance("force_eager"))
        for _, module in readers(net):
            values = cast(nn.Module, module.to_v)
            stack.callback(module.register_forward_pre_hook(partial(_read, longer), with_kwargs=True).remove)
            stack.callback(values.register_forward_pre_hook(partial(_valued, longer)).remove)
        yield


def _read(longer: Callable[[Tensor], Tensor], module: nn.Module, args: Any, kwargs: dict[str, Any]) -> Any:
    told = kwargs["encoder_hidden_states"]
    # An image prompt with a product of its own travels beside the text as (text, images).
    own = (longer(told[0]), *told[1:]) if isinstance(told, tuple) else longer(told)
    return args, {**kwargs, "encoder_hidden_states": own}


def _valued(longer: Callable[[Tensor], Tensor], module: nn.Module, args: tuple[Tensor, ...]) -> Any:
    return longer(args[0]), *args[1:]
