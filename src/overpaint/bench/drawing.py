"""Edits drawn at random, by type: scenes that training never sees, two sentences, the words that change."""

import random
from collections.abc import Mapping

from overpaint.errors import UsageError
from overpaint.near import nearest
from overpaint.stilllife.captions import describe
from overpaint.stilllife.edits import HELD_OUT, SAY_ALL, Drawn, EditCase, edited, maker
from overpaint.stilllife.scene import SCENE_VALUES, THING_VALUES, Scene, sample

MIXED, PLACE = "mixed", "place"
TYPES: Mapping[str, tuple[str, ...]] = {
    "random": (MIXED,),
    "object": ("kind",),
    "add": ("add",),
    "delete": ("remove",),
    "content": ("size", PLACE),
    "pose": ("pose",),
    "colour": ("colour",),
    "material": ("material",),
    "background": ("ground", "time"),
    "style": ("style",),
}
"""The ten types of edit of PIE-Bench (arXiv:2310.01506), and what changes in this world for each in turn."""
MIXTURE = ("kind", "colour", "material", "size", "pose", "ground", "time", "style")
"""Two of these change together in an edit of the type ``random``."""


def known_type(name: str) -> str:
    """The name itself if there is such a type.

    Raises:
        UsageError: there is none; the sentence names the nearest.
    """
    if name not in TYPES:
        raise UsageError(f"There is no edit type {name!r}; {nearest(name, TYPES)}")
    return name


def draw(kind: str, seed: int, number: int) -> EditCase:
    """The edit of that type and number, the same for the same seed."""
    whats = TYPES[known_type(kind)]
    what = whats[number % len(whats)]
    rng = random.Random(f"benchmark {seed} {kind} {number}")
    while True:
        source = sample(rng.randrange(HELD_OUT))
        drawn = changed(what, source, rng)
        if drawn is None or not drawn[0].fits() or drawn[0] == source:
            continue
        target, unsaid = drawn
        prompts = describe(source, unsaid).text, describe(target, unsaid).text
        # What the sentences ask for must be that very picture, and no other.
        if edited(source, *prompts) == target:
            return EditCase(source, target, *prompts, what)


def changed(what: str, scene: Scene, rng: random.Random) -> Drawn:
    """The scene after an edit; None where it cannot be made of this scene."""
    match what:
        case "mixed":
            return mixed(scene, rng)
        case "place":
            return exchanged(scene, rng)
        case _:
            return maker(what)(scene, rng)


def mixed(scene: Scene, rng: random.Random) -> Drawn:
    """Two changes at once, of things or surroundings."""
    unsaid = SAY_ALL
    for what in rng.sample(MIXTURE, 2):
        drawn = maker(what)(scene, rng)
        if drawn is None:
            return None
        scene, unsaid = drawn[0], unsaid | drawn[1]
    return scene, unsaid


def exchanged(scene: Scene, rng: random.Random) -> Drawn:
    """Two neighbours, each in the other's place."""
    if len(scene.things) < 2:
        return None
    left = rng.randrange(len(scene.things) - 1)
    first, second = (
        {name: getattr(thing, name) for name in THING_VALUES} for thing in scene.things[left : left + 2]
    )
    return scene.with_thing(left, **second).with_thing(left + 1, **first), SAY_ALL


def blend_words(case: EditCase) -> str:
    """The nouns of the things that change, for a local blend: ``ball=>cube``.

    Nothing where the surroundings change as well, or where a thing is in one sentence only.
    """
    before, after = case.source, case.target
    if len(before.things) != len(after.things):
        return ""
    if any(getattr(before, name) != getattr(after, name) for name in SCENE_VALUES):
        return ""
    pairs = [(a, b) for a, b in zip(before.things, after.things, strict=True) if a != b]
    return "=>".join(", ".join(thing.kind for thing in side) for side in zip(*pairs, strict=True))
