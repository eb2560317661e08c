"""Textual inversion: words whose vectors were learned (Gal et al., ICLR 2023, arXiv:2208.01618)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.families.fused import Lasting
from overpaint.families.original import is_lora
from overpaint.families.unet import UNetFamily
from overpaint.files.fingerprint import file_hash
from overpaint.files.provenance import checked_token
from overpaint.files.weightfile import read_header
from overpaint.model import Model

_UNNAMED = ("emb_params", "string_to_param.*")
_BOTH = ("clip_l", "clip_g")
_TOKENS = "string_to_token."
"""Which token the first code borrowed while it trained; of no use to others."""
MOST = 512
"""Vectors of one word; no prompt could hold more."""


@dataclass(frozen=True)
class Embedding(Lasting):
    """A textual-inversion file as a patch: its words are known for the length of a ``with``, or for good."""

    file: Path
    token: str = ""
    """The word in prompts; by itself the one in the file, or the file's own name."""

    @property
    def fingerprint(self) -> str:
        """The file and its word."""
        return f"embedding {self.token} {file_hash(self.file)}"

    def put(self, model: Model) -> Callable[[], None]:
        """Teach the text encoders the words of the file, and give back what makes them forget.

        Raises:
            UsageError: the file holds no vectors, or those of another family of models.
        """
        family: Any = model.family
        if not isinstance(family, UNetFamily):
            raise UsageError(f"The model {model.name} reads no texts, so it cannot be taught {self.file}.")
        words = self._words(family)
        known = [word for word in words if word.lower() in family.learned]
        if known:
            raise UsageError(f"Two embeddings are called {known[0]!r}; name one by --embedding FILE:word.")
        undos: list[Callable[[], None]] = [
            _taught(encoder, tokenizer, [vectors[k] for vectors in words.values()])
            for k, (encoder, tokenizer) in enumerate(zip(family.encoders, family.tokenizers, strict=True))
        ]
        starts = [int(encoder.get_input_embeddings().weight.shape[0]) for encoder in family.encoders]
        for word, vectors in reversed(words.items()):
            starts = [start - len(v) for start, v in zip(starts, vectors, strict=True)]
            family.learned[word.lower()] = tuple(
                tuple(range(start, start + len(v))) for start, v in zip(starts, vectors, strict=True)
            )

        def undo() -> None:
            for word in words:
                del family.learned[word.lower()]
            for one in undos:
                one()

        return undo

    def _words(self, family: Any) -> dict[str, list[Tensor]]:
        """For every word of the file the vectors that each encoder reads."""
        tensors = self._tensors()
        widths = [int(encoder.config.hidden_size) for encoder in family.encoders]
        if set(tensors) == set(_BOTH):
            words = {self._name(): [tensors[k] for k in _BOTH]}
        elif len(tensors) == 1 and next(iter(tensors)) in _UNNAMED:
            words = {self._name(): list(tensors.values())}
        elif self.token and len(tensors) > 1:
            raise UsageError(
                f"{self.file} holds several words ({', '.join(tensors)}); leave out {self.token!r}."
            )
        else:
            words = {self.token or checked_token(name): [value] for name, value in tensors.items()}
        for vectors in words.values():
            found = [v.shape[-1] for v in vectors]
            if found != widths:
                raise UsageError(
                    f"The embedding {self.file} has vectors of width {_listed(found)}, but the text encoders "
                    f"of {family.name} read {_listed(widths)}; it was made for another family of models."
                )
        return words

    def _tensors(self) -> dict[str, Tensor]:
        from safetensors.torch import load_file

        header = read_header(self.file)
        entries = {name: e for name, e in header.entries.items() if not name.startswith(_TOKENS)}
        if is_lora(header):
            raise UsageError(f"{self.file} is a LoRA; give it by --lora.")
        if not entries or any(
            len(e.shape) not in (1, 2) or not e.dtype.startswith(("F", "BF")) for e in entries.values()
        ):
            raise UsageError(f"{self.file} holds no learned words; give a textual-inversion file.")
        if (
            any(len(e.shape) == 2 and not 0 < e.shape[0] <= MOST for e in entries.values())
            or len(entries) > MOST
        ):
            raise UsageError(f"{self.file} holds too many vectors for a word; give a textual-inversion file.")
        tensors = {name: value.float() for name, value in load_file(self.file).items() if name in entries}
        if any(not bool(torch.isfinite(value).all()) for value in tensors.values()):
            raise UsageError(f"The embedding {self.file} holds values that are not numbers; get it again.")
        return {name: value.view(-1, value.shape[-1]) for name, value in tensors.items()}

    def _name(self) -> str:
        return self.token or checked_token("-".join(self.file.stem.split()))


def _listed(widths: list[int]) -> str:
    return " and ".join(map(str, widths))


def _taught(encoder: Any, tokenizer: Any, vectors: list[Tensor]) -> Callable[[], None]:
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
