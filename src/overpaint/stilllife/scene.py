"""The grammar of the embedded world: what a picture may contain, as plain values."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

from overpaint.errors import OverpaintError

KINDS = ("ball", "cube", "cone", "cylinder", "ring", "house", "tree", "mushroom", "snowman")
COLOURS = ("red", "yellow", "green", "cyan", "blue", "purple", "white", "black")
MATERIALS = ("matte", "shiny", "striped", "dotted")
SIZES = ("small", "large")
POSES = ("upright", "lying")
GROUNDS = ("grass", "sand", "snow", "stone", "water")
TIMES = ("day", "sunset", "night")
STYLES = ("photograph", "pencil", "pixel")

LYING_KINDS = ("cone", "cylinder", "ring")
"""Kinds that may lie; all others are always upright."""

THING_VALUES: Mapping[str, tuple[str, ...]] = {
    "kind": KINDS,
    "colour": COLOURS,
    "material": MATERIALS,
    "size": SIZES,
    "pose": POSES,
}
SCENE_VALUES: Mapping[str, tuple[str, ...]] = {"ground": GROUNDS, "time": TIMES, "style": STYLES}

FRAME = 128
"""Positions and sizes are stated in the pixels of a picture this wide and high."""
HALF: Mapping[str, float] = {"small": 16.5, "large": 28.0}
"""Half the width (and height) of the box an object stands in, in frame pixels."""
GAP = 1.0
"""Least room between two boxes, and between a box and the frame, in frame pixels."""
ROWS = (98, 114)
"""First and last line a thing may stand on."""
COUNT_WEIGHTS = (2, 2, 1)
"""How often a scene holds one, two or three things."""


class SceneError(OverpaintError):
    """A scene that the grammar does not allow."""


@dataclass(frozen=True)
class Thing:
    """One object. `x` is its middle and `row` the line it stands on, in frame pixels from the top left."""

    kind: str
    colour: str
    material: str = "matte"
    size: str = "large"
    pose: str = "upright"
    x: float | int = 64.0
    row: float | int = 104.0

    def __post_init__(self) -> None:
        for name, values in THING_VALUES.items():
            _check(name, getattr(self, name), values)
        if self.pose == "lying" and self.kind not in LYING_KINDS:
            raise SceneError(f"A {self.kind} cannot lie; only {', '.join(LYING_KINDS)} can.")

    @property
    def half(self) -> float:
        """Half the width of the object's box, in frame pixels."""
        return HALF[self.size]


@dataclass(frozen=True)
class Scene:
    """One picture: one to three things from left to right, and what surrounds them.

    `seed` decides only what no word can name: clouds, waves of the ground, the height of the horizon.
    """

    things: tuple[Thing, ...]
    ground: str = "grass"
    time: str = "day"
    style: str = "photograph"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, values in SCENE_VALUES.items():
            _check(name, getattr(self, name), values)
        if not 1 <= len(self.things) <= 3:
            raise SceneError("A scene holds one to three things.")
        if any(a.x > b.x for a, b in zip(self.things, self.things[1:], strict=False)):
            raise SceneError("List the things of a scene from left to right.")

    def with_thing(self, index: int, **changes: Any) -> Scene:
        """The same scene with attributes of one thing changed; a kind that cannot lie stands up."""
        old = self.things[index]
        if changes.get("kind", old.kind) not in LYING_KINDS:
            changes = {"pose": "upright", **changes}
        things = (*self.things[:index], dataclasses.replace(old, **changes), *self.things[index + 1 :])
        return dataclasses.replace(self, things=things)

    def with_surroundings(self, **changes: str) -> Scene:
        """The same scene on another ground, at another time or in another style."""
        return dataclasses.replace(self, **cast(dict[str, Any], changes))

    def without(self, index: int) -> Scene:
        """The same scene with one thing taken away."""
        return dataclasses.replace(self, things=self.things[:index] + self.things[index + 1 :])

    def fits(self) -> bool:
        """Whether every thing is inside the frame and none hides another."""
        edges = [0.0, *(e for t in self.things for e in (t.x - t.half, t.x + t.half)), float(FRAME)]
        return all(a <= b for a, b in zip(edges[::2], edges[1::2], strict=True))


def _check(name: str, value: str, values: tuple[str, ...]) -> None:
    if value not in values:
        raise SceneError(f"'{value}' is no {name}; choose one of {', '.join(values)}.")


def sample(seed: int, objects: int | None = None) -> Scene:
    """Draw a scene: every attribute uniform, kinds and colours never twice in a picture.

    `objects` fixes the number of things (1 to 3). Of three things at most one is large, so that none hides
    another.
    """
    rng = random.Random(f"scene {seed}")
    count = rng.choices((1, 2, 3), COUNT_WEIGHTS)[0]
    count = count if objects is None else objects
    if count not in (1, 2, 3):
        raise SceneError(f"A scene cannot hold {count} things; choose 1, 2 or 3.")
    kinds, colours = rng.sample(KINDS, count), rng.sample(COLOURS, count)
    sizes = _sizes(rng, count)
    places = _places(rng, sizes)
    things = tuple(
        Thing(kind, colour, rng.choice(MATERIALS), size, _pose(rng, kind), x, float(rng.randint(*ROWS)))
        for kind, colour, size, x in zip(kinds, colours, sizes, places, strict=True)
    )
    return Scene(things, rng.choice(GROUNDS), rng.choice(TIMES), rng.choice(STYLES), seed)


def _pose(rng: random.Random, kind: str) -> str:
    return rng.choice(POSES) if kind in LYING_KINDS else "upright"


def _sizes(rng: random.Random, count: int) -> list[str]:
    if count < 3:
        return [rng.choice(SIZES) for _ in range(count)]
    sizes = ["small"] * 3
    if rng.random() < 0.75:
        sizes[rng.randrange(3)] = "large"
    return sizes


def _places(rng: random.Random, sizes: list[str]) -> list[float]:
    """Middles from left to right: the free width is shared out at random between the things."""
    widths = [2 * HALF[size] for size in sizes]
    free = FRAME - sum(widths) - GAP * (len(sizes) + 1)
    cuts = sorted(rng.random() for _ in sizes)
    left, places = 0.0, list[float]()
    for width, cut in zip(widths, cuts, strict=True):
        places.append(float(round(GAP * (len(places) + 1) + left + width / 2 + cut * free)))
        left += width
    return places


def to_json(scene: Scene) -> str:
    """The scene as one line of JSON."""
    return json.dumps(dataclasses.asdict(scene), separators=(",", ":"))


def from_json(text: str) -> Scene:
    """The scene written by `to_json`. Raises `SceneError` when the text is not one."""
    try:
        data = cast(dict[str, Any], json.loads(text))
        things = tuple(Thing(**thing) for thing in data.pop("things"))
        if not all(type(n) in (int, float) and isfinite(n) for one in things for n in (one.x, one.row)):
            raise ValueError("no place in a picture")
        if type(data.get("seed", 0)) is not int:
            raise ValueError("no seed")
        return Scene(things, **data)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise SceneError("This is not a scene written by overpaint.") from error
