"""The only source of randomness. Draws are keyed by name, so no part shifts what another one gets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from overpaint.errors import OverpaintError

Key = str | int


@runtime_checkable
class Draws(Protocol):
    """Something that hands out random tensors by name."""

    def normal(self, shape: tuple[int, ...], *key: Key) -> Tensor:
        """Standard normal noise in float32 on the CPU; the same key gives the same tensor."""
        ...

    def integers(self, low: int, high: int, shape: tuple[int, ...], *key: Key) -> Tensor:
        """Uniform integers in ``[low, high)``."""
        ...


@dataclass(frozen=True)
class Noise:
    """Draws from a seed, keyed by name and step.

    A tensor depends on the seed and its key alone, not on what was drawn before: a cached inversion and a
    fresh one leave the same draws for what follows. Drawn on the CPU in float32, so seeds agree across
    devices.
    """

    seed: int = 0
    on_draw: Callable[[], None] | None = field(default=None, compare=False, repr=False)
    """Told of every draw: whether the seed mattered at all shows in no other way."""

    def generator(self, *key: Key) -> torch.Generator:
        """A generator of its own for one key."""
        if self.on_draw is not None:
            self.on_draw()
        digest = sha256("/".join(map(str, (self.seed, *key))).encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)

    def normal(self, shape: tuple[int, ...], *key: Key) -> Tensor:
        """Standard normal noise of that shape for that key."""
        return torch.randn(shape, generator=self.generator(*key))

    def integers(self, low: int, high: int, shape: tuple[int, ...], *key: Key) -> Tensor:
        """Uniform integers in ``[low, high)`` for that key."""
        return torch.randint(low, high, shape, generator=self.generator(*key))


@dataclass(frozen=True)
class Further:
    """The draws of a further try: as independent of the first one's as those of another seed."""

    base: Draws
    number: int

    def normal(self, shape: tuple[int, ...], *key: Key) -> Tensor:
        """The base's draw under a name of its own."""
        return self.base.normal(shape, "try", self.number, *key)

    def integers(self, low: int, high: int, shape: tuple[int, ...], *key: Key) -> Tensor:
        """The base's draw under a name of its own."""
        return self.base.integers(low, high, shape, "try", self.number, *key)


@dataclass(frozen=True)
class Replay:
    """Hands out stored draws instead of new ones: how recorded runs of other codes are repeated."""

    tensors: Mapping[tuple[Key, ...], Tensor]

    def _stored(self, shape: tuple[int, ...], key: tuple[Key, ...]) -> Tensor:
        if key not in self.tensors:
            raise OverpaintError(
                f"No stored draw is called {key}; stored are {sorted(map(str, self.tensors))}."
            )
        if self.tensors[key].shape != shape:
            raise OverpaintError(
                f"The stored draw {key} has shape {tuple(self.tensors[key].shape)}, not {shape}."
            )
        return self.tensors[key]

    def normal(self, shape: tuple[int, ...], *key: Key) -> Tensor:
        """The stored tensor of that name."""
        return self._stored(shape, key)

    def integers(self, low: int, high: int, shape: tuple[int, ...], *key: Key) -> Tensor:
        """The stored tensor of that name."""
        return self._stored(shape, key)
