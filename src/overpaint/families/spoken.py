"""Prompts in which some tokens have vectors of their own, with gradients: what learned words are tuned
through.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

Vectors = Float[Tensor, "_ _"]
"""Of the tokens of a word, as an encoder has them: encoders differ in width."""


@contextmanager
def spoken(encoder: Any, vectors: Mapping[int, Float[Tensor, " width"]]) -> Generator[None, None, None]:
    """A text encoder that reads these vectors at these places of a prompt, for the length of a ``with``."""

    def hook(module: nn.Module, args: Any, found: Tensor) -> Tensor:
        rows = [vectors[k].to(found) if k in vectors else found[0, k] for k in range(found.shape[1])]
        return torch.stack(rows)[None]

    handle = encoder.get_input_embeddings().register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
