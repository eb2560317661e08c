"""Learned weights as a thing of their own: put on, taken off, kept in a file that says what it is."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Any

import torch
from safetensors.torch import load, save
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.fingerprint import tensor_hash
from overpaint.files.weightfile import LEARNED, UNSOUND, whole_file
from overpaint.model import Model
from overpaint.tune.low_rank import DOWN, UP, attached, shapes

MORE = "more/"
"""Before the names of what is learned beside weights, in a file."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What was learned: parameters of a model's denoiser by name, and whatever belongs to them."""

    tensors: Mapping[str, Tensor]
    """New values of parameters, or the two factors of a change to one (`overpaint.tune.low_rank`)."""
    model: str = ""
    """The fingerprint of the model they were learned on."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it is, in words: the method, its options, its prompts."""
    more: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """What was learned beside them, such as embeddings, by name."""

    @property
    def every(self) -> dict[str, Tensor]:
        """All tensors, under the names that they have in a file."""
        return {**self.tensors, **{f"{MORE}{name}": value for name, value in self.more.items()}}

    @property
    def said(self) -> dict[str, Any]:
        """What else there is to say of it."""
        return {}

    @property
    def fingerprint(self) -> str:
        """A hash of names and values."""
        every = self.every
        return f"{tensor_hash(*(every[name].cpu() for name in sorted(every)))}-{len(every)}"

    def told(self, **about: str) -> "Weights":
        """The same, which says more of what it is."""
        return replace(self, about={**self.about, **about})

    def fit(self, model: Model, called: str, force: bool = False) -> "Weights":
        """These weights, if they were learned on this model.

        Raises:
            UsageError: they were not, and ``force`` does not say to use them all the same.
        """
        if self.model and self.model != model.fingerprint and not force:
            raise UsageError(
                f"{called} was learned on {self.about.get('model', 'another model')} with other weights than "
                f"those of {model.name}; use that model, learn it anew for this one, or say --force."
            )
        own = dict(model.net.named_parameters())
        for name, shape in shapes(self.tensors).items():
            if name not in own or tuple(own[name].shape) != shape:
                raise UsageError(
                    f"What was learned changes {name!r} of shape {shape}, which this model does not have; "
                    "use the model it was learned on."
                )
        return self

    @contextmanager
    def apply(self, model: Model) -> Generator[None, None, None]:
        """The model with these weights; afterwards it is what it was, to the bit.

        Raises:
            UsageError: they do not belong to such a network.
        """
        self.fit(model, "What is put on", force=True)
        own = dict(model.net.named_parameters())
        new = {name: value for name, value in self.tensors.items() if not name.endswith((UP, DOWN))}
        before = {name: own[name].detach().clone() for name in new}
        try:
            with torch.no_grad():
                for name, value in new.items():
                    own[name].copy_(value.to(own[name]))
            with attached(model.net, self.tensors):
                yield
        finally:
            with torch.no_grad():
                for name, value in before.items():
                    own[name].copy_(value)

    def save(self, file: FilePath, *, overwrite: bool = True) -> None:
        """Write it whole or not at all.

        Raises:
            FileExistsError: there is such a file already, and it must not be replaced.
        """
        told = json.dumps({"kind": "weights", "model": self.model, "about": dict(self.about)})
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.every.items()}
        atomic.write(file, save(tensors, {LEARNED: told}), new=not overwrite)

    @classmethod
    def load(cls, file: FilePath) -> "Weights":
        """Read what `save` wrote.

        Raises:
            UsageError: the file is not there, or is no such file.
        """
        try:
            data, meta = whole_file(file)
            told, every = json.loads(meta[LEARNED]), load(data)
            weights = {name: t for name, t in every.items() if not name.startswith(MORE)}
            more = {name.removeprefix(MORE): t for name, t in every.items() if name.startswith(MORE)}
            about = {str(k): str(v) for k, v in told["about"].items()}
            return cls(weights, str(told["model"]), about, more)
        except OSError as error:
            raise UsageError(f"{file} cannot be read ({error.strerror}).") from None
        except UNSOUND:
            raise UsageError(
                f"{file} holds nothing that overpaint learned; give a file of its own."
            ) from None
