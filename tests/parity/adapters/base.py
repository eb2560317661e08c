"""What every adapter is: settings read into this package's words, and arrays compared."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import torch
from torch import Tensor

from overpaint.model import Model
from overpaint.network import Text
from overpaint.path import Path
from overpaint.task import Task
from tests.parity.figures import Measure, Row, Unknown, difference, outliers
from tests.parity.golden import STATE, Golden
from tests.parity.network import golden_model

Reach = Literal["whole", "ends"]
"""Every stored array, or only what lies next to stored latents at both ends of the walk."""


class Adapter(ABC):
    """One file of a method: made from its settings, which are all read before anything is computed."""

    method: ClassVar[str]
    dtype: ClassVar[torch.dtype] = torch.float32
    measure: ClassVar[Measure] = "largest"
    inputs: ClassVar[frozenset[str]] = frozenset()
    """Arrays that are fed in: a small file keeps them whole."""
    beside: ClassVar[frozenset[str]] = frozenset()
    """Arrays that only illustrate, such as a picture whose latent is given."""
    spared: ClassVar[frozenset[str]] = frozenset()
    """Arrays a small file goes without."""

    def __init__(self, golden: Golden) -> None:
        self.golden, self.settings = golden, golden.settings
        self.model: Model = golden_model(golden.file, self.dtype)
        self.read()
        self.settings.done()

    @abstractmethod
    def read(self) -> None:
        """Take every setting.

        Raises:
            Unknown: a value nobody knows.
            OverpaintError: the product refuses it.
        """

    @abstractmethod
    def rows(self, reach: Reach) -> int:
        """How many network rows it will take, roughly: for the time that is told."""

    @abstractmethod
    def ends(self) -> Iterator[Row]:
        """Compare next to stored latents, at the first and the last."""

    @abstractmethod
    def whole(self) -> Iterator[Row]:
        """Compare everything."""

    def check(self, reach: Reach) -> Iterator[Row]:
        """Compare; whatever of a whole file nobody looked at is a row that fails."""
        with torch.no_grad():
            yield from self.whole() if reach == "whole" else self.ends()
        if reach == "whole":
            for name in sorted(set(self.golden.arrays) - self.golden.touched - self.beside - {*STATE}):
                yield self.refused(name, "no adapter compares this array")

    def bound(self, name: str) -> float:
        """The tolerance of an array."""
        return self.golden.tolerance.of(name)

    def kept(self) -> Mapping[str, Sequence[int]]:
        """Of which arrays a small file keeps some entries only."""
        return {}

    def compare(self, name: str, mine: Tensor, stored: Tensor | None = None, called: str = "") -> Row:
        """One array, or a part of it, against what is stored under that name."""
        golden = self.golden
        stored = golden[name] if stored is None else stored
        cells = golden.cells(name)
        mine = mine.detach()[..., ::cells, ::cells] if cells > 1 else mine.detach()
        bound = self.bound(name)
        try:
            figure = difference(mine, stored, self.measure)
            share = outliers(mine, stored, bound)
        except Unknown as error:
            return self.refused(called or name, str(error))
        if self.measure == "norm":
            share = 0.0 if figure <= bound else max(share, 1 / stored.numel())
        return Row(golden.name, called or name, bound, figure, share, golden.tolerance.allowed)

    def series(self, name: str, mine: Mapping[int, Tensor], called: str = "") -> Row:
        """Those entries of an array that were computed, as one; a row that fails names the first."""
        pairs = {k: (mine[k], stored) for k, stored in self.golden.entries(name) if k in mine}
        if not pairs:
            return self.refused(called or name, "nothing stored belongs to what was computed")
        own, stored = (torch.stack(side) for side in zip(*pairs.values(), strict=True))
        row = self.compare(name, own, stored, called)
        if not row.failed:
            return row
        failing = (k for k, both in pairs.items() if self.compare(name, *both).failed)
        first = next(failing, None)
        return row if first is None else replace(row, note=f"first at entry {first} {row.note}".strip())

    def exactly(self, name: str, mine: Tensor, called: str = "") -> Row:
        """An array that has to be the same to the last element."""
        stored, cells = self.golden[name], self.golden.cells(name)
        mine = mine[..., ::cells, ::cells] if cells > 1 else mine
        if mine.shape != stored.shape:
            return self.refused(
                called or name, f"{tuple(mine.shape)} here, {tuple(stored.shape)} in the file"
            )
        share = float((mine.double() != stored.double()).double().mean())
        return Row(self.golden.name, called or name, 0.0, difference(mine, stored), share)

    def refused(self, name: str, why: str) -> Row:
        """A row that fails, with the reason."""
        return Row(self.golden.name, name, note=why)

    def levels(self, path: Path) -> Iterator[Row]:
        """The training levels the walk visits."""
        if "timesteps" in self.golden:
            yield self.exactly("timesteps", path.t)

    def text(self, name: str) -> Text:
        """A prompt of the settings, encoded."""
        return self.model.family.text(self.settings.text(name))

    def task(self, x0: Tensor, source: Text, target: Text) -> Task:
        """What a user would ask for, from a given latent."""
        _, channels, height, width = x0.shape
        return Task(
            (1, channels, height, width),
            self.model.family.null(),
            given_x0=x0,
            given_source=source,
            given_target=target,
        )

    def path_of(self, steps: int) -> Path:
        """The sampling path; files may name an offset and where the last step ends."""
        s, schedule = self.settings, self.model.family.schedule
        s.must("clip_sample", False)
        to_one = s.flag("set_alpha_to_one", schedule.to_one)
        offset = s.count("steps_offset", schedule.offset)
        return replace(schedule, to_one=to_one).path(steps, offset)

    def encoded(self, name: str, side: int) -> Iterator[Row]:
        """The latent of the file's picture, enlarged to a side in pixels by repeating its own."""
        if "image" not in self.golden:
            return
        image = self.golden["image"]
        times = side // len(image)
        pixels = image.repeat_interleave(times, 0).repeat_interleave(times, 1).permute(2, 0, 1)[None]
        mine = self.model.family.encode((pixels.to(self.dtype) / 127.5 - 1).contiguous())
        yield self.compare(name, mine, called=f"{name} of the image")
