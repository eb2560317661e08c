"""Edits with a known answer: two prompts and the two scenes they speak of."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from overpaint.stilllife.captions import describe
from overpaint.stilllife.parse import Description, Mention, parse
from overpaint.stilllife.scene import (
    COLOURS,
    FRAME,
    GAP,
    KINDS,
    LYING_KINDS,
    ROWS,
    SCENE_VALUES,
    THING_VALUES,
    Scene,
    SceneError,
    Thing,
    sample,
)


def edited(scene: Scene, source: str, target: str) -> Scene | None:
    """The scene that `target` asks for, when `source` speaks of `scene`.

    Both prompts are read, and what `target` says otherwise than `source` is applied; what it leaves unsaid
    stays. A thing may be added at the right end, or one taken away. None when the prompts hold unknown words,
    `source` is not true of the scene, or the difference is none that a scene can show.
    """
    before, after = parse(source), parse(target)
    if before.unknown or after.unknown or not _true_of(before, scene):
        return None
    old, new = _aligned(before, after)
    matched = _match(scene, old)
    if matched is None:
        return None
    try:
        changed = _with_things(scene, matched, old, new)
        changed = changed and changed.with_surroundings(
            **_difference(before.surroundings(), after.surroundings())
        )
    except SceneError:
        return None
    return changed if changed and changed.fits() else None


def _true_of(said: Description, scene: Scene) -> bool:
    return all(getattr(scene, name) == value for name, value in said.surroundings().items())


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in after.items() if before.get(name) != value}


Mentions = Sequence[Mention]


def _aligned(before: Description, after: Description) -> tuple[Mentions, Mentions]:
    """Both lists from left to right; empty when the prompts disagree on the direction."""
    old, new = before.left_to_right(), after.left_to_right()
    turned = {"left", "right"} <= {*before.relations, *after.relations}
    return ((), ()) if old is None or new is None or turned else (old, new)


def _match(scene: Scene, mentions: Mentions) -> list[int] | None:
    """For each mention the first thing it is true of, going from left to right."""
    found: list[int] = []
    for mention in mentions:
        start = found[-1] + 1 if found else 0
        fitting = [k for k in range(start, len(scene.things)) if mention.fits(scene.things[k])]
        if not fitting:
            return None
        found.append(fitting[0])
    return found or None


def _with_things(scene: Scene, matched: list[int], old: Mentions, new: Mentions) -> Scene | None:
    if len(new) == len(old):
        for index, was, wanted in zip(matched, old, new, strict=True):
            scene = scene.with_thing(index, **_difference(was.said(), wanted.said()))
        return scene
    if len(new) == len(old) + 1 and tuple(new[:-1]) == tuple(old):
        return with_added(scene, new[-1])
    gone = [k for k in range(len(old)) if tuple(old[:k]) + tuple(old[k + 1 :]) == tuple(new)]
    return scene.without(matched[gone[-1]]) if gone and new else None


def with_added(scene: Scene, wanted: Mention) -> Scene | None:
    """The scene with one more thing in the middle of the room at its right end; None without room.

    What is not said of it: small, matte, upright, and a colour drawn from the scene's seed.
    """
    rng = random.Random(f"added {scene.seed}")
    free = [colour for colour in COLOURS if colour not in {thing.colour for thing in scene.things}]
    colour, row = rng.choice(free), float(rng.randint(*ROWS))
    words = (wanted.material or "matte", wanted.size or "small", wanted.pose or "upright")
    thing = Thing(wanted.kind, wanted.colour or colour, *words, row=row)
    last = scene.things[-1]
    left = last.x + last.half
    if len(scene.things) == 3 or FRAME - left < 2 * (thing.half + GAP):
        return None
    return replace(scene, things=(*scene.things, replace(thing, x=float(round((left + FRAME) / 2)))))


@dataclass(frozen=True)
class EditCase:
    """One edit with its answer: `target` is the picture that `target_prompt` should turn `source` into."""

    source: Scene
    target: Scene
    source_prompt: str
    target_prompt: str
    what: str


WHATS = ("kind", "colour", "material", "size", "pose", "ground", "time", "style", "add", "remove")
HELD_OUT = 1_000_000
"""Edit cases come from scenes with smaller seeds, which training never sees."""


def pairs(seed: int, what: str) -> EditCase:
    """An edit case that changes one thing only: an attribute, or one object more or less.

    Both prompts are full sentences and differ in the words of that attribute alone. The pose stays unsaid
    where a change of kind would otherwise change the number of words.
    """
    if what not in WHATS:
        raise SceneError(f"'{what}' is no edit; choose one of {', '.join(WHATS)}.")
    rng = random.Random(f"pair {what} {seed}")
    while True:
        source = sample(rng.randrange(HELD_OUT))
        drawn = maker(what)(source, rng)
        if drawn and drawn[0].fits():
            target, unsaid = drawn
            prompts = describe(source, unsaid).text, describe(target, unsaid).text
            return EditCase(source, target, *prompts, what)


Drawn = tuple[Scene, frozenset[str]] | None
"""The changed scene and what both sentences must leave unsaid; None where this scene cannot be so changed."""
Maker = Callable[[Scene, random.Random], Drawn]
SAY_ALL = frozenset[str]()


def maker(what: str) -> Maker:
    """What draws an edit of that kind for a scene."""
    return MAKERS.get(what, _restated(what))


def _restated(what: str) -> Maker:
    """A maker that gives one attribute another value."""

    def make(scene: Scene, rng: random.Random) -> Drawn:
        if what in SCENE_VALUES:
            others = [value for value in SCENE_VALUES[what] if value != getattr(scene, what)]
            return scene.with_surroundings(**{what: rng.choice(others)}), SAY_ALL
        index = rng.randrange(len(scene.things))
        taken = {getattr(t, what) for t in (scene.things if what == "colour" else [scene.things[index]])}
        others = [value for value in THING_VALUES[what] if value not in taken]
        if what == "pose" and scene.things[index].kind not in LYING_KINDS:
            return None
        return scene.with_thing(index, **{what: rng.choice(others)}), SAY_ALL

    return make


def _other_kind(scene: Scene, rng: random.Random) -> Drawn:
    index = rng.randrange(len(scene.things))
    taken = {thing.kind for thing in scene.things}
    allowed = LYING_KINDS if scene.things[index].pose == "lying" else KINDS
    others = [kind for kind in allowed if kind not in taken]
    unsaid = frozenset({f"thing{index}.pose"}) if allowed is KINDS else SAY_ALL
    return (scene.with_thing(index, kind=rng.choice(others)), unsaid) if others else None


def _one_more(scene: Scene, rng: random.Random) -> Drawn:
    kinds = [kind for kind in KINDS if kind not in {thing.kind for thing in scene.things}]
    colours = [colour for colour in COLOURS if colour not in {thing.colour for thing in scene.things}]
    drawn = {name: rng.choice(THING_VALUES[name]) for name in ("material", "size")}
    scene_with = with_added(scene, Mention(rng.choice(kinds), rng.choice(colours), **drawn))
    return scene_with and (scene_with, SAY_ALL)


def _one_less(scene: Scene, rng: random.Random) -> Drawn:
    return (scene.without(len(scene.things) - 1), SAY_ALL) if len(scene.things) > 1 else None


MAKERS: Mapping[str, Maker] = {"kind": _other_kind, "add": _one_more, "remove": _one_less}
"""The edits that are more than another value; all others are `_restated`."""
