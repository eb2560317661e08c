"""Textual inversion: words whose vectors were learned (Gal et al., ICLR 2023, arXiv:2208.01618)."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.concept import Concept, is_concept
from overpaint.families.fused import Lasting
from overpaint.families.original import is_lora
from overpaint.families.taught import MOST, family_of, listed, teach, widths_of
from overpaint.families.unet import UNetFamily
from overpaint.files.fingerprint import file_hash
from overpaint.files.provenance import checked_token
from overpaint.files.weightfile import LEARNED, read_header
from overpaint.model import Model

_UNNAMED = ("emb_params", "string_to_param.*")
_BOTH = ("clip_l", "clip_g")
_TOKENS = "string_to_token."
"""Which token the first code borrowed while it trained; of no use to others."""


@dataclass(frozen=True)
class Embedding(Lasting):
    """A textual-inversion file as a patch: its words are known for the length of a ``with``, or for good."""

    file: Path
    token: str = ""
    """The word in prompts; by itself the one in the file, or the file's own name."""
    force: bool = False
    """Whether a concept is read that was learned on another model."""

    @property
    def fingerprint(self) -> str:
        """The file and its word."""
        return f"embedding {self.token} {file_hash(self.file)}"

    def put(self, model: Model) -> Callable[[], None]:
        """Teach the text encoders the words of the file, and give back what makes them forget.

        Raises:
            UsageError: the file holds no vectors, or those of another family of models, or a concept that was
                learned on another model.
        """
        family = family_of(model, str(self.file))
        if is_concept(read_header(self.file)):
            concept = Concept.load(self.file, self.token)
            return concept.fit(model, self.file.name, self.force).put(model)
        return teach(family, {word: [vectors] for word, vectors in self._words(family).items()})

    def _words(self, family: UNetFamily) -> dict[str, list[Tensor]]:
        """For every word of the file the vectors that each encoder reads."""
        tensors = self._tensors()
        widths = widths_of(family)
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
                    f"The embedding {self.file} has vectors of width {listed(found)}, but the text encoders "
                    f"of {family.name} read {listed(widths)}; it was made for another family of models."
                )
        return words

    def _tensors(self) -> dict[str, Tensor]:
        from safetensors.torch import load_file

        header = read_header(self.file)
        entries = {name: e for name, e in header.entries.items() if not name.startswith(_TOKENS)}
        if LEARNED in header.said:
            raise UsageError(
                f"{self.file} holds no word but what one method learned; 'overpaint show' tells which one."
            )
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
