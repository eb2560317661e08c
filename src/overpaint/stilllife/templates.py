"""Captions with a blank where a word of one kind stands: what edit directions are made of in this world.

The shipped text encoder knows few words, so sentences about gardens and streets would tell it nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from overpaint.stilllife.captions import ORDERS, Caption, caption, describe
from overpaint.stilllife.scene import sample
from overpaint.stilllife.words import SCENE_WORDS, THING_WORDS

BLANK = "{}"
COUNT = 48
"""Sentences for each kind of word."""
SEEDS = 10_000
"""Scenes far from those of the benchmark and its fresh cases, by number."""
WHOLE = frozenset((*ORDERS[0], "kind"))
"""Everything that is said of a thing."""


def templates() -> dict[str, list[str]]:
    """By kind of word; under no name those where a whole thing is left out, its article included."""
    kinds = [*THING_WORDS, *SCENE_WORDS]
    return {kind: drawn(frozenset({kind})) for kind in kinds} | {"": drawn(WHOLE)}


def drawn(attributes: frozenset[str]) -> list[str]:
    """So many different captions with a blank for words of these attributes of one thing, or of the scene."""
    found = dict[str, None]()
    for seed in range(SEEDS, 2 * SEEDS):
        found |= dict.fromkeys(blanked(seed, attributes))
        if len(found) >= COUNT:
            break
    return list(found)[:COUNT]


def blanked(seed: int, attributes: frozenset[str]) -> Iterator[str]:
    """A drawn scene's sentence with its blank; none where it does not say such a thing.

    Surroundings are said in their usual words, as others come with small words of their own: on sand, at the
    beach.
    """
    scene = sample(seed)
    of_scene = attributes <= SCENE_WORDS.keys()
    told = (
        describe(scene, frozenset(f"thing0.{name}" for name in ORDERS[0][: seed % 4])) if of_scene else None
    )
    yield from left_out(told or caption(scene, seed), attributes, whole=attributes == WHOLE)


def left_out(told: Caption, attributes: frozenset[str], whole: bool) -> Iterator[str]:
    """The caption with one stretch of words left out: the first that speaks of these attributes."""
    words = told.text.split(" ")
    of = [role is not None and role.attribute in attributes for role in told.words]
    if True not in of:
        return
    start = of.index(True)
    stop = start + next((k for k, one in enumerate(of[start:]) if not one), len(of) - start)
    if whole and start and words[start - 1] in ("a", "an"):
        start -= 1
    yield " ".join([*words[:start], BLANK, *words[stop:]])
