"""Learned weights as a thing of their own: put on, taken off, kept in a file that says what it is."""

import json
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path as FilePath

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.fingerprint import tensor_hash
from overpaint.model import Model

KIND = "overpaint-learned"
"""The name of the text in a file that says what was learned."""
Where = Callable[[Model], nn.Module]


def denoiser(model: Model) -> nn.Module:
    """The network that most methods tune."""
    return model.net


@dataclass(frozen=True, eq=False)
class Weights:
    """Parameters of a model's denoiser by name, with the values that were learned for them."""

    tensors: Mapping[str, Tensor]
    model: str = ""
    """The fingerprint of the model they were learned on."""
    about: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it is, in words: the method, its options, its prompts."""

    @property
    def fingerprint(self) -> str:
        """A hash of names and values."""
        names = sorted(self.tensors)
        return f"{tensor_hash(*(self.tensors[name] for name in names))}-{len(names)}"

    @contextmanager
    def apply(self, model: Model) -> Generator[None, None, None]:
        """The model with these weights; afterwards it is what it was, to the bit.

        Raises:
            UsageError: they were learned on another network.
        """
        own = dict(model.net.named_parameters())
        for name, value in self.tensors.items():
            if name not in own or own[name].shape != value.shape:
                raise UsageError(
                    f"What was learned changes {name!r} of shape {tuple(value.shape)}, which this model does "
                    "not have; use the model it was learned on."
                )
        before = {name: own[name].detach().clone() for name in self.tensors}
        try:
            with torch.no_grad():
                for name, value in self.tensors.items():
                    own[name].copy_(value.to(own[name]))
            yield
        finally:
            with torch.no_grad():
                for name, value in before.items():
                    own[name].copy_(value)

    def save(self, file: FilePath) -> None:
        """Write it whole or not at all."""
        told = json.dumps({"kind": "weights", "model": self.model, "about": dict(self.about)})
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.tensors.items()}
        atomic.write(file, save(tensors, {KIND: told}))

    @classmethod
    def load(cls, file: FilePath) -> "Weights":
        """Read what `save` wrote.

        Raises:
            UsageError: the file is not there, or is no such file.
        """
        try:
            data = file.read_bytes()
            meta = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
            told = json.loads(meta[KIND])
            return cls(load(data), str(told["model"]), {str(k): str(v) for k, v in told["about"].items()})
        except OSError as error:
            raise UsageError(f"{file} cannot be read ({error.strerror}).") from None
        except (ValueError, KeyError, TypeError, SafetensorError):
            raise UsageError(
                f"{file} holds nothing that overpaint learned; give a file of its own."
            ) from None
