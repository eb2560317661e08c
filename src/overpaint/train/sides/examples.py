"""What side networks are trained on: pictures, what is known of them, sentences; a batch by its number."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from overpaint.network import Text
from overpaint.path import Latent
from overpaint.train.data import pick
from overpaint.train.loop import Batch

DRAWS = 3
"""Standard normal latents of a row: of the codec, of the picture, of its translation."""
Times = Callable[[Float[Tensor, " rows"], int], Int[Tensor, " rows"]]
"""From chances in [0, 1) to training levels out of so many."""


@runtime_checkable
class Examples(Protocol):
    """A data set of side networks."""

    @property
    def count(self) -> int:
        """How many pictures there are."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a latent."""
        ...

    def rows(self, picked: Sequence[int], seed: int) -> dict[str, Tensor]:
        """Pictures and conditions by number, one a row, and their texts (`with_text`).

        ``"hint"`` is the condition in [0, 1], ``"text"`` the sentence; those for CycleNet have ``"source"``
        and ``"target"`` in its place. Where there is a choice of sentences the seed decides.
        """
        ...

    def latents(self, batch: Batch, noise: Latent) -> Latent:
        """The latents of rows, sampled by a standard normal draw, scaled."""
        ...


def batch_of(
    examples: Examples, step: int, size: int, times: Times, levels: int, seed: int = 0
) -> dict[str, Tensor]:
    """The rows of a step with everything that is drawn for them; both depend on the step alone."""
    rng = torch.Generator().manual_seed(1_000_003 * seed + step)
    chance = (torch.arange(size) + torch.rand(size, generator=rng)) / size
    noise = torch.randn((size, DRAWS, *examples.shape), generator=rng)
    rows = examples.rows(pick(step, size, examples.count, seed), step)
    # One level from every part of the range, so that no batch misses a region; in an order of their own.
    level = times(chance[torch.randperm(size, generator=rng)], levels)
    return {**rows, "level": level, "noise": noise, "chance": torch.rand(size, generator=rng)}


def uniform(chance: Float[Tensor, " rows"], levels: int) -> Int[Tensor, " rows"]:
    """Every level alike."""
    return (chance * levels).long().clamp_max(levels - 1)


def cubic(chance: Float[Tensor, " rows"], levels: int) -> Int[Tensor, " rows"]:
    """Mostly noisy levels, where a picture is laid out: ``(1 - u³) T`` (T2I-Adapter, arXiv:2302.08453)."""
    return ((1 - chance**3) * levels).long().clamp_max(levels - 1)


TIMES: dict[str, Times] = {"uniform": uniform, "cubic": cubic}


def with_text(name: str, text: Text) -> dict[str, Tensor]:
    """A text as tensors of a batch."""
    pooled = {} if text.pooled is None else {f"{name}.pooled": text.pooled}
    return {f"{name}.states": text.states, **pooled}


def text_in(batch: Batch, name: str) -> Text:
    """The text of that name."""
    return Text(batch[f"{name}.states"], batch.get(f"{name}.pooled"))


def dropped(text: Text, null: Text, where: Tensor) -> Text:
    """The text, but in some rows that of no prompt."""
    states = torch.where(where.view(-1, 1, 1), null.states.to(text.states), text.states)
    if text.pooled is None or null.pooled is None:
        return Text(states)
    return Text(states, torch.where(where.view(-1, 1), null.pooled.to(text.pooled), text.pooled))
