"""Sentences about scenes, with the role of every word and the list of what was left unsaid."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from overpaint.stilllife.scene import LYING_KINDS, Scene, Thing
from overpaint.stilllife.words import BESIDE, LEFT, NO_STYLE, RIGHT, SCENE_WORDS, THING_WORDS


class Role(NamedTuple):
    """What a word is for: the thing it speaks of (-1: the surroundings) and the attribute it states.

    Words that relate two things have the attribute "relation" and the thing named before them.
    """

    thing: int
    attribute: str


Words = list[tuple[str, Role | None]]


@dataclass(frozen=True)
class Caption:
    """A sentence; `words` is parallel to `text.split(" ")`.

    `free` names what the sentence leaves open: "thing0.size", "ground", "style", "relation". `order` lists
    the things in the order they are mentioned (things are numbered from left to right).
    """

    text: str
    free: frozenset[str]
    words: tuple[Role | None, ...]
    order: tuple[int, ...]


DROP = {
    "colour": 0.2,
    "material": 0.45,
    "size": 0.45,
    "pose": 0.4,
    "ground": 0.25,
    "time": 0.25,
    "style": 0.3,
}
"""How often an attribute stays unsaid. The kind is always named."""
DROP_RARE = 0.3
"""Share of captions in which everything is said."""
ORDERS = (
    ("size", "material", "pose", "colour"),
    ("size", "material", "pose", "colour"),
    ("pose", "size", "colour", "material"),
    ("material", "size", "colour", "pose"),
)
"""Orders of the adjectives; the first is the canonical one."""


def describe(scene: Scene, unsaid: frozenset[str] = frozenset()) -> Caption:
    """The full sentence: everything said, in canonical words, things from left to right.

    Two scenes that differ in one attribute differ in one word of it (two for the style). `unsaid` names
    attributes of things to leave out, as "thing0.pose".
    """
    opening = _scene_words("style", scene.style, None)
    body: Words = []
    for index, thing in enumerate(scene.things):
        body += _joint(LEFT[0], index - 1) if index else []
        said = {name for name in _sayable(thing) if f"thing{index}.{name}" not in unsaid}
        body += _noun_phrase(index, thing, said, None)
    closing = _scene_words("ground", scene.ground, None) + _scene_words("time", scene.time, None)
    return _caption(opening + body + closing, unsaid, range(len(scene.things)))


def caption(scene: Scene, seed: int) -> Caption:
    """A sentence drawn from the templates: synonyms, other orders, attributes left out."""
    rng = random.Random(f"caption {seed}")
    free = _dropped(scene, rng)
    body, order, related = _body(scene, free, rng)
    free = free if related else free | {"relation"}
    said = {
        name: _scene_words(name, getattr(scene, name), rng) for name in ("ground", "time") if name not in free
    }
    opening = _opening(scene, free, rng)
    return _caption(_arranged(opening, body, said, rng), frozenset(free), order)


def phrase(thing: Thing, rng: random.Random, kept: frozenset[str] = frozenset()) -> str:
    """Words about one thing alone, some of it unsaid but for its kind and what is to be ``kept``."""
    whole = rng.random() < DROP_RARE
    told = {name for name in sorted(_sayable(thing)) if whole or name in kept or rng.random() >= DROP[name]}
    return " ".join(word for word, _ in _noun_phrase(0, thing, told, rng))


def around(scene: Scene, seed: int) -> str:
    """A sentence about the surroundings alone, as if no thing were there; some are left unsaid."""
    rng = random.Random(f"around {seed}")
    free = _dropped(scene, rng)
    said = {
        name: _scene_words(name, getattr(scene, name), rng) for name in ("ground", "time") if name not in free
    }
    opening = [word for word in _opening(scene, free, rng) if word[0] != "of"]
    return " ".join(word for word, _ in _arranged(opening, [], said, rng))


def _dropped(scene: Scene, rng: random.Random) -> set[str]:
    if rng.random() < DROP_RARE:
        return set()
    names = [f"thing{k}.{a}" for k, t in enumerate(scene.things) for a in ORDERS[0] if a in _sayable(t)]
    return {name for name in (*names, "ground", "time", "style") if rng.random() < DROP[name.split(".")[-1]]}


def _sayable(thing: Thing) -> set[str]:
    return {"size", "material", "colour"} | ({"pose"} if thing.kind in LYING_KINDS else set[str]())


def _body(scene: Scene, free: set[str], rng: random.Random) -> tuple[Words, Sequence[int], bool]:
    """All things with the words between them; whether the sentence fixes who is on which side."""
    count = len(scene.things)
    table = rng.choices((LEFT, RIGHT, BESIDE), (4, 3, 3))[0]
    order = range(count)[::-1] if table is RIGHT else range(count)
    joint = rng.choice(table)
    body: Words = []
    for place, index in enumerate(order):
        if place:
            last = joint != "and" or place == count - 1
            body += _joint(joint if last else ",", order[place - 1])
        thing = scene.things[index]
        said = {name for name in _sayable(thing) if f"thing{index}.{name}" not in free}
        body += _noun_phrase(index, thing, said, rng)
    return body, order, count == 1 or table is not BESIDE


def _joint(phrase: str, before: int) -> Words:
    return [(word, Role(before, "relation")) for word in phrase.split()]


def _noun_phrase(index: int, thing: Thing, said: set[str], rng: random.Random | None) -> Words:
    order = rng.choice(ORDERS) if rng else ORDERS[0]
    words: Words = []
    for attribute in (*(a for a in order if a in said), "kind"):
        choices = THING_WORDS[attribute][getattr(thing, attribute)]
        words.append((_pick(choices, rng), Role(index, attribute)))
    return [("an" if words[0][0][0] in "aeiou" else "a", None), *words]


def _scene_words(attribute: str, value: str, rng: random.Random | None) -> Words:
    phrase = _pick(SCENE_WORDS[attribute][value], rng).split()
    silent = ("a", "of", "on", "in", "at", "by")
    return [(word, None if word in silent else Role(-1, attribute)) for word in phrase]


def _pick(choices: Sequence[str], rng: random.Random | None) -> str:
    """The canonical word, or at random with the canonical one more often."""
    if rng is None or rng.random() < 0.4:
        return choices[0]
    return rng.choice(choices)


def _opening(scene: Scene, free: set[str], rng: random.Random) -> Words:
    if "style" not in free:
        return _scene_words("style", scene.style, rng)
    return [(word, None) for word in rng.choice(NO_STYLE).split()]


def _arranged(opening: Words, body: Words, said: dict[str, Words], rng: random.Random) -> Words:
    ground, time = said.get("ground", []), said.get("time", [])
    where = rng.choices(("after", "swapped", "time first", "ground first"), (5, 2, 1, 1))[0]
    comma: Words = [(",", None)]
    if where == "time first" and time:
        return [*time, *comma, *opening, *body, *ground]
    if where == "ground first" and ground:
        return [*ground, *comma, *opening, *body, *time]
    return [*opening, *body, *(time + ground if where == "swapped" else ground + time)]


def _caption(words: Words, free: frozenset[str], order: Sequence[int]) -> Caption:
    return Caption(" ".join(word for word, _ in words), free, tuple(role for _, role in words), tuple(order))
