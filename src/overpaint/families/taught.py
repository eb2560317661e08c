"""Words that text encoders are taught: vectors behind their tables, and how they are forgotten again."""

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.unet import UNetFamily
from overpaint.model import Model

MOST = 512
"""Vectors of one word; no prompt could hold more."""
Layers = Sequence[Sequence[Tensor]]
"""By layer, by encoder: what stands for the word, tokens by width. One layer: all read the same."""


def family_of(model: Model, what: str) -> UNetFamily:
    """The family of a model that reads texts.

    Raises:
        UsageError: it does not.
    """
    if not isinstance(model.family, UNetFamily):
        raise UsageError(f"The model {model.name} reads no texts, so it cannot be taught {what}.")
    return model.family


def teach(family: UNetFamily, words: Mapping[str, Layers]) -> Callable[[], None]:
    """Teach the text encoders words, and give back what makes them forget.

    Raises:
        UsageError: there is a word of that name already.
    """
    known = [word for word in words if word.lower() in family.learned]
    if known:
        raise UsageError(f"Two embeddings are called {known[0]!r}; name one by --embedding FILE:word.")
    pieces = [(word, layer) for word, layers in words.items() for layer in range(len(layers))]
    ids = list[Sequence[tuple[int, ...]]]()
    undos = list[Callable[[], None]]()
    try:
        for k, (encoder, tokenizer) in enumerate(zip(family.encoders, family.tokenizers, strict=True)):
            vectors = [words[word][layer][k] for word, layer in pieces]
            first = int(encoder.get_input_embeddings().weight.shape[0])
            starts = accumulate((len(v) for v in vectors), initial=first)
            ids.append(
                [tuple(range(start, start + len(v))) for start, v in zip(starts, vectors, strict=False)]
            )
            undos.append(_taught(encoder, tokenizer, vectors))
    except BaseException:  # no model keeps a word that one of its encoders alone knows
        for one in undos:
            one()
        raise
    by_piece = dict(zip(pieces, zip(*ids, strict=True), strict=True))
    for word, layers in words.items():
        own = tuple(by_piece[word, layer] for layer in range(len(layers)))
        family.learned[word.lower()] = own[0]
        if len(own) > 1:
            family.concepts[word.lower()] = own

    def undo() -> None:
        for word in words:
            del family.learned[word.lower()]
            family.concepts.pop(word.lower(), None)
        for one in undos:
            one()

    return undo


def _taught(encoder: Any, tokenizer: Any, vectors: Sequence[Tensor]) -> Callable[[], None]:
    """Append vectors to the table of an encoder."""
    table = encoder.get_input_embeddings()
    # Older configurations look for the largest token instead of the end token: a learned one would be taken.
    pools = [m for m in encoder.modules() if getattr(m, "eos_token_id", None) == 2]
    old, size = table.weight, table.num_embeddings
    table.weight = nn.Parameter(torch.cat([old, *(v.to(old) for v in vectors)]), requires_grad=False)
    table.num_embeddings = len(table.weight)
    for pool in pools:
        pool.eos_token_id = tokenizer.eos_token_id

    def undo() -> None:
        there = table.weight.device  # the encoder may have moved meanwhile
        table.weight = old if old.device == there else nn.Parameter(old.to(there), requires_grad=False)
        table.num_embeddings = size
        for pool in pools:
            pool.eos_token_id = 2

    return undo


def widths_of(family: UNetFamily) -> list[int]:
    """How wide a vector of a token is, by encoder."""
    return [int(encoder.config.hidden_size) for encoder in family.encoders]


def listed(widths: Sequence[int]) -> str:
    """Widths as a sentence names them."""
    return " and ".join(map(str, widths))
