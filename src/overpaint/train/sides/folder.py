"""A folder of pictures as a data set of side networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from torch import Tensor

from overpaint.errors import OverpaintError, UsageError
from overpaint.images import Picture, fit, load_picture
from overpaint.images.picture import flattened
from overpaint.model import Model
from overpaint.network import Text, together
from overpaint.path import Latent
from overpaint.run.sided import NOTHING
from overpaint.train.loop import Batch
from overpaint.train.sides.examples import with_text
from overpaint.train.sides.plan import What
from overpaint.train.sides.rows import Row, check_shape, refused, rows_of

READERS = 4
"""Pictures that are read at the same time."""
TEXTS = 4096
"""Encoded prompts that are kept."""


@dataclass(frozen=True, eq=False)
class Folder:
    """Pictures cut to a square of the model's side, with their conditions and prompts."""

    model: Model
    listed: Sequence[Row]
    side: int
    held: int

    @cached_property
    def encoded(self) -> Callable[[str], Text]:
        """Encodes a prompt, or knows it still."""
        return lru_cache(TEXTS)(self.model.family.text)

    @property
    def count(self) -> int:
        """How many pictures are trained on."""
        return len(self.listed) - self.held

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a latent."""
        cells = self.side // self.model.family.factor
        return self.model.family.channels, cells, cells

    def rows(self, picked: Sequence[int], seed: int) -> dict[str, Tensor]:
        """Pictures by number with their conditions and prompts."""
        del seed  # there is one prompt for each
        rows = [self.listed[k] for k in picked]
        with ThreadPoolExecutor(READERS) as readers:
            pairs = list(readers.map(self.read, rows))
        pixels, hints = (torch.cat(each) for each in zip(*pairs, strict=True))
        told = {"pixels": pixels, "hint": (hints + 1) / 2}
        for name in rows[0].texts:
            told |= with_text(name, self.text([row.texts[name] for row in rows]))
        return told

    def read(self, row: Row) -> tuple[Tensor, Tensor]:
        """A picture and its condition in [-1, 1], for CycleNet the picture twice.

        Raises:
            UsageError: one of them cannot be read, or has another shape; the sentence says in which line.
        """
        try:
            image = flattened(load_picture(row.image))
            pixels = self.square(image)
            if row.condition is None:
                return pixels, pixels
            condition = flattened(load_picture(row.condition), NOTHING)
            check_shape(condition.size, image.size, row.condition)
            return pixels, self.square(condition)
        except OverpaintError as error:
            raise UsageError(f"{row.place}: {error}") from None

    def square(self, picture: Picture) -> Tensor:
        """The largest square in the middle, at the model's side."""
        return fit(picture, self.side, self.model.family.factor, "crop").tensor

    @torch.no_grad()
    def text(self, prompts: Sequence[str]) -> Text:
        """Prompts encoded; those that were seen lately are kept."""
        texts = [self.encoded(one) for one in prompts]
        joined = together(texts)
        return Text(joined.states.cpu(), None if joined.pooled is None else joined.pooled.cpu())

    def latents(self, batch: Batch, noise: Latent) -> Latent:
        """Encoded, sampled and scaled."""
        return self.model.family.encode(batch["pixels"], noise)


def folder(model: Model, home: Path, what: What, held: int, side: int | None = None) -> Folder:
    """A folder as a data set.

    Raises:
        UsageError: something is wrong with it, or it has too few pictures to keep some from training.
    """
    rows, faults = rows_of(home, what)
    if faults:
        raise refused(home, faults)
    if len(rows) <= held:
        raise UsageError(
            f"The data set {home} has {len(rows)} pictures, and {held} would be kept from training; give "
            "more, or a smaller --held."
        )
    side = side or model.family.side
    if side % (model.family.factor * 8):
        raise UsageError(
            f"A side of {side} pixels is no multiple of {model.family.factor * 8}; choose another."
        )
    return Folder(model, rows, side, held)
