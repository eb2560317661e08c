"""The judge's verdict on an edit: whether what was asked for happened, and whether all else stayed."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from overpaint.images import Picture, to_tensor
from overpaint.stilllife.judge import Judge, load, score
from overpaint.stilllife.scene import SCENE_VALUES, THING_VALUES, Scene, Thing


@dataclass(frozen=True)
class Verdict:
    """What the judge found."""

    changed: bool
    """Whether every point that was to change is as the true answer has it."""
    kept: bool
    """Whether every other point still is as it was."""
    wrong: tuple[str, ...]
    """The points that are not, such as ``thing0.material``."""


@cache
def shipped_judge() -> Judge:
    """The shipped judge, loaded once."""
    return load()


def verdict(picture: Picture, before: Scene, after: Scene, judge: Judge | None = None) -> Verdict:
    """Hold what a picture shows against the scene it should show."""
    (reading,) = (judge or shipped_judge()).read((to_tensor(picture) + 1) / 2)
    asked, anywhere = points(before, after)
    marks = score(reading, after, anywhere, placed=True)
    wrong = [name for name, right in marks.items() if not right]
    return Verdict(not asked & {*wrong}, not {*wrong} - asked, tuple(wrong))


def points(before: Scene, after: Scene) -> tuple[frozenset[str], frozenset[str]]:
    """The points that an edit asks to be changed, and those that it leaves open.

    A thing that was added may stand anywhere, since no sentence could say where.
    """
    asked = {name for name in SCENE_VALUES if getattr(before, name) != getattr(after, name)}
    if len(before.things) != len(after.things):
        added = [k for k, thing in enumerate(after.things) if thing not in before.things]
        new = {f"thing{k}.{name}" for k in added for name in THING_VALUES}
        return frozenset({*asked, *new, "count"}), frozenset(f"thing{k}.place" for k in added)
    pairs = enumerate(zip(before.things, after.things, strict=True))
    restated = {f"thing{k}.{name}" for k, (was, wanted) in pairs for name in differing(was, wanted)}
    return frozenset(asked | restated), frozenset()


def differing(was: Thing, wanted: Thing) -> Iterator[str]:
    """The attributes that change, and the place where its middle moves: that of what grows goes up."""
    yield from (name for name in THING_VALUES if getattr(was, name) != getattr(wanted, name))
    if (was.x, was.row - was.half) != (wanted.x, wanted.row - wanted.half):
        yield "place"
