"""From sentences back to what they state: a reader for the closed grammar of the captions."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from overpaint.stilllife.scene import Thing
from overpaint.stilllife.words import GLUE, MEANINGS, THING_WORDS

RELATIONS = {
    "left": "left",
    "right": "right",
    "beside": "beside",
    "next": "beside",
    "and": "beside",
    ",": "beside",
}


@dataclass(frozen=True)
class Mention:
    """What a sentence says of one thing; None is left unsaid."""

    kind: str
    colour: str | None = None
    material: str | None = None
    size: str | None = None
    pose: str | None = None

    def said(self) -> dict[str, str]:
        """Attribute to value, for what is said."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def fits(self, thing: Thing) -> bool:
        """Whether nothing said of it is wrong for this thing."""
        return all(getattr(thing, name) == value for name, value in self.said().items())


@dataclass(frozen=True)
class Description:
    """What a sentence says.

    `mentions` are in the order of the text and `relations[k]` ("left", "right" or "beside") stands between
    mentions k and k + 1. `unknown` holds the words that mean nothing here, and adjectives without a noun.
    """

    mentions: tuple[Mention, ...]
    relations: tuple[str, ...] = ()
    ground: str | None = None
    time: str | None = None
    style: str | None = None
    unknown: tuple[str, ...] = ()

    def surroundings(self) -> dict[str, str]:
        """Attribute to value of ground, time and style, for what is said."""
        values = {"ground": self.ground, "time": self.time, "style": self.style}
        return {name: value for name, value in values.items() if value is not None}

    def left_to_right(self) -> tuple[Mention, ...] | None:
        """The mentions by place; None when the relations name both directions and so leave it open."""
        directions = set(self.relations) - {"beside"}
        if len(directions) > 1:
            return None
        return self.mentions[::-1] if directions == {"right"} else self.mentions


def parse(text: str) -> Description:
    """Read a sentence. Never fails: what is not understood is listed in `unknown`."""
    reader = _Reader()
    for word in re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower()):
        reader.read(word)
    return reader.description()


class _Reader:
    """Collects adjectives until their noun comes, and the relation until the next thing comes."""

    def __init__(self) -> None:
        self.mentions: list[Mention] = []
        self.relations: list[str] = []
        self.surroundings: dict[str, str] = {}
        self.unknown: list[str] = []
        self.adjectives: dict[str, str] = {}
        self.relation = "beside"

    def read(self, word: str) -> None:
        meaning = MEANINGS.get(word)
        if meaning is None:
            self._read_joining(word)
        elif meaning.attribute == "kind":
            self._close(meaning.value)
        elif meaning.attribute in THING_WORDS:
            self.adjectives[meaning.attribute] = meaning.value
        else:
            self.surroundings[meaning.attribute] = meaning.value

    def _read_joining(self, word: str) -> None:
        if word in RELATIONS:
            # "the left of": a side is more than a comma before it
            self.relation = RELATIONS[word] if self.relation == "beside" else self.relation
        elif word not in GLUE:
            self.unknown.append(word)

    def _close(self, kind: str) -> None:
        if self.mentions:
            self.relations.append(self.relation)
        self.mentions.append(Mention(kind, **self.adjectives))
        self.adjectives, self.relation = {}, "beside"

    def description(self) -> Description:
        left_over = (*self.unknown, *self.adjectives.values())
        return Description(
            tuple(self.mentions), tuple(self.relations), **self.surroundings, unknown=left_over
        )
