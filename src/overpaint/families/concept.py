"""Concepts: words that every layer of a network reads in its own way (extended textual inversion).

Voynov et al., "P+: Extended Textual Conditioning in Text-to-Image Generation", 2023, arXiv:2303.09522. A file
of one for a network with 16 such layers and one text encoder is laid out as kohya's tools have it: a tensor
for each layer, tokens by width, under the names of the original code.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.families.fused import Lasting
from overpaint.families.taught import MOST, Layers, family_of, listed, teach, widths_of
from overpaint.files import atomic
from overpaint.files.fingerprint import tensor_hash, weights_hash
from overpaint.files.provenance import checked_token
from overpaint.files.weightfile import LEARNED, UNSOUND, Header, read_header
from overpaint.model import Model
from overpaint.network import readers

KOHYA = (
    *("IN01", "IN02", "IN04", "IN05", "IN07", "IN08", "MID"),
    *("OUT03", "OUT04", "OUT05", "OUT06", "OUT07", "OUT08", "OUT09", "OUT10", "OUT11"),
)
"""The layers of Stable Diffusion 1 and 2 in execution order, as the original code numbers them."""

WIDEST = 8192
"""Numbers that stand for a token, at most."""


def names_of(layers: int, encoders: int) -> list[list[str]]:
    """The names of the tensors in a file, by layer and encoder."""
    own = KOHYA if layers == len(KOHYA) else tuple(f"LAYER{k:02}" for k in range(layers))
    ends = [""] if encoders == 1 else [f".{k}" for k in range(encoders)]
    return [[f"{name}{end}" for end in ends] for name in own]


def is_concept(header: Header) -> bool:
    """Whether a file holds a word by layers."""
    return "LAYER00" in header.entries or "LAYER00.0" in header.entries or set(KOHYA) <= set(header.entries)


def bare(model: Model) -> str:
    """The fingerprint of a model without the words it was taught, of which none hangs on another."""
    return weights_hash(model.net, model.home, model.origin.model_copy(update={"embeddings": ()}))


@dataclass(frozen=True, eq=False)
class Concept(Lasting):
    """A word by layers as a patch: known for the length of a ``with``, or for good."""

    layers: Layers
    word: str
    model: str = ""
    """The fingerprint of the model it was learned on; nothing where a file of others does not say."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it is, in words."""

    @property
    def every(self) -> dict[str, Tensor]:
        """All tensors, under the names that they have in a file."""
        names = names_of(len(self.layers), len(self.layers[0]))
        pairs = zip(names, self.layers, strict=True)
        return {n: t for some, own in pairs for n, t in zip(some, own, strict=True)}

    @property
    def said(self) -> dict[str, Any]:
        """What else there is to say of it."""
        return {"word": self.word, "layers": len(self.layers)}

    @property
    def fingerprint(self) -> str:
        """A hash of the word and of what stands for it."""
        return f"concept {self.word} {tensor_hash(*(value.cpu() for value in self.every.values()))}"

    def fit(self, model: Model, called: str, force: bool = False) -> "Concept":
        """This concept, if it was learned on this model.

        Raises:
            UsageError: it was not, and ``force`` does not say to use it all the same, or it cannot be read.
        """
        widths, count = widths_of(family_of(model, called)), readers(model.tap.sites)
        found = [t.shape[-1] for t in self.layers[0]]
        if found != widths or len(self.layers) != count:
            raise UsageError(
                f"{called} is a word for {len(self.layers)} layers of width {listed(found)}, but "
                f"{model.name} has {count} of width {listed(widths)}; learn it anew for this one."
            )
        if self.model and not force and self.model != bare(model):
            raise UsageError(
                f"{called} was learned on {self.about.get('model', 'another model')} with other weights than "
                f"those of {model.name}; use that model, learn it anew for this one, or say --force."
            )
        return self

    def put(self, model: Model) -> Callable[[], None]:
        """Teach the text encoders the word, and give back what makes them forget it.

        Raises:
            UsageError: it is for a network of another shape, or there is such a word already.
        """
        self.fit(model, f"The concept {self.word}", force=True)
        return teach(family_of(model, self.word), {self.word: self.layers})

    def save(self, file: Path, *, overwrite: bool = True) -> None:
        """Write it whole or not at all.

        Raises:
            FileExistsError: there is such a file already, and it must not be replaced.
        """
        told = {"kind": "concept", "model": self.model, "about": {**self.about, "word": self.word}}
        tensors = {name: t.detach().cpu().float().contiguous() for name, t in self.every.items()}
        atomic.write(file, save(tensors, {LEARNED: json.dumps(told)}), new=not overwrite)

    @staticmethod
    def load(file: Path, word: str = "") -> "Concept":
        """Read what `save` wrote, or kohya's tools; the word is by itself the one in the file, or its name.

        Raises:
            UsageError: the file is not there, or is no such file.
        """
        header = read_header(file)
        try:
            told = json.loads(header.said.get(LEARNED, "{}"))
            layers = _layers(file, header)
            about = {str(k): str(v) for k, v in told.get("about", {}).items()}
            called = word or about.get("word") or "-".join(file.stem.split())
            return Concept(layers, checked_token(called), str(told.get("model", "")), about)
        except UNSOUND:
            raise UsageError(
                f"{file} holds no word by layers; give a file of 'overpaint learn p-plus', or one of kohya's "
                f"layout with the {len(KOHYA)} tensors {KOHYA[0]} to {KOHYA[-1]}."
            ) from None

    def called(self, word: str, **about: str) -> "Concept":
        """The same under another word, which says more of what it is."""
        return replace(self, word=word, about={**self.about, **about})


def _layers(file: Path, header: Header) -> list[list[Tensor]]:
    """The tensors of a file by layer and encoder, if they are whole and belong together.

    Raises:
        ValueError: they are not.
    """
    shapes = {name: one.shape for name, one in header.entries.items()}
    encoders = 2 if any(name.endswith(".1") for name in shapes) else 1
    names = names_of(len(shapes) // encoders, encoders)
    sizes = {tuple(shapes[name] for name in some) for some in names}
    tokens = {shape[0] for own in sizes for shape in own}
    whole = {name for some in names for name in some} == set(shapes)
    if not whole or len(sizes) != 1 or len(tokens) != 1 or not 0 < min(tokens) <= MOST:
        raise ValueError("not of one size")
    if any(len(shape) != 2 or shape[1] > WIDEST for own in sizes for shape in own):
        raise ValueError("no vectors of tokens")
    found = {name: value.float() for name, value in load_file(file).items()}
    if not all(bool(torch.isfinite(value).all()) for value in found.values()):
        raise ValueError("not numbers")
    return [[found[name] for name in some] for some in names]
