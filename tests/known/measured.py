"""What a look at pictures of many kinds says, and what edits with the same prompt twice make of some."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch

import overpaint
from overpaint.images import Picture, fit, from_tensor
from overpaint.model import Model
from overpaint.run.inputs import taken_in
from overpaint.run.known import Look, looked, record_of
from overpaint.run.plan import grain
from overpaint.run.unchanged import apart
from overpaint.stilllife.captions import describe
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene, sample
from tests.known.foreign import KINDS, SEEDS, stranger

DRAWN, PHOTO = "drawn", "photograph"
FIRST = 90_000_000
"""Seed of the first drawn picture: none of training, of the benchmark or of the record."""
CAPTION = "a photograph of a red ball on grass"
"""What is said of a picture that nothing Still Life knows could be said of."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture, made when it is asked for, and what is said of it."""

    group: str
    name: str
    make: Callable[[], Picture]
    caption: str

    @cached_property
    def picture(self) -> Picture:
        """The picture itself."""
        return self.make()


@dataclass(frozen=True)
class Measured:
    """What came out for a picture; the last four where it was also edited."""

    group: str
    name: str
    round_trip: float
    distance: float
    kept: float | None = None
    """Decibels between the picture and its edit with the same prompt twice."""
    strayed: float | None = None
    quality: str | None = None
    inversion: str | None = None

    @property
    def row(self) -> dict[str, object]:
        """As a line of a file."""
        return asdict(self)


def drawn(count: int, first: int = FIRST) -> Iterator[Sample]:
    """Drawn pictures, the three styles among them."""
    for seed in range(first, first + count):
        scene = sample(seed)
        yield Sample(f"{DRAWN}, {scene.style}", str(seed), partial(shown, scene), describe(scene).text)


def shown(scene: Scene) -> Picture:
    """A scene as a picture."""
    return from_tensor(render([scene], FRAME) * 2 - 1)


def strangers(every: int = 1) -> Iterator[Sample]:
    """The pictures of `tests.known.foreign`, or of each kind one in so many."""
    for kind in KINDS:
        for seed in SEEDS[::every]:
            yield Sample(kind, f"{kind} {seed}", partial(stranger, kind, seed), CAPTION)


def photographs(folder: Path) -> Iterator[Sample]:
    """Those of a folder, each whole and, where large enough, two corners of half its shorter side."""
    for file in sorted(folder.iterdir()):
        yield Sample(PHOTO, file.name, partial(read, file), CAPTION)
        side = min(read(file).size) // 2
        for number, window in enumerate((slice(0, side), slice(-side, None)) if side >= 100 else ()):
            yield Sample(PHOTO, f"{file.name} {number}", partial(read, file, window), CAPTION)


def read(file: Path, window: slice = slice(None)) -> Picture:
    """A picture, or a square of it."""
    picture, _ = taken_in(file)
    return Picture(picture.rgb[window, window].copy())


def look(model: Model, picture: Picture) -> Look:
    """What the model says of a picture, as an edit would ask it."""
    fitted = fit(picture, model.family.side, grain(model))
    with torch.no_grad():
        x0 = model.family.encode(fitted.tensor)
        return looked(model, fitted.tensor, x0, record_of(model), fitted.placement.window)


def looks(model: Model, samples: Iterable[Sample]) -> Iterator[Measured]:
    """All of them looked at."""
    for one in samples:
        seen = look(model, one.picture)
        assert seen.distance is not None
        yield Measured(one.group, one.name, seen.round_trip, seen.distance)


def edits(model: Model, samples: Iterable[Sample], inversion: Any, steps: int) -> Iterator[Measured]:
    """All of them edited with the same prompt twice, by nothing but an inversion."""
    for one in samples:
        made = overpaint.invert(
            one.picture, source=one.caption, model=model, check=True, inversion=inversion, steps=steps
        )
        seen, same = made.figures, made.unasked
        assert seen.distance is not None and seen.round_trip is not None and same is not None
        yield Measured(
            one.group,
            one.name,
            seen.round_trip,
            seen.distance,
            apart(one.picture, same.picture),
            seen.strayed,
            seen.quality,
            inversion,
        )
