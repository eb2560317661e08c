"""Every word the embedded world knows: one canonical phrase and synonyms for each value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# The first phrase of every value is the canonical one.
KIND_WORDS: Mapping[str, tuple[str, ...]] = {
    "ball": ("ball", "sphere"),
    "cube": ("cube", "box"),
    "cone": ("cone",),
    "cylinder": ("cylinder", "tube"),
    "ring": ("ring", "hoop"),
    "house": ("house", "hut"),
    "tree": ("tree",),
    "mushroom": ("mushroom", "toadstool"),
    "snowman": ("snowman",),
}
COLOUR_WORDS: Mapping[str, tuple[str, ...]] = {
    "red": ("red",),
    "yellow": ("yellow",),
    "green": ("green",),
    "cyan": ("cyan", "turquoise"),
    "blue": ("blue",),
    "purple": ("purple", "violet"),
    "white": ("white",),
    "black": ("black",),
}
MATERIAL_WORDS: Mapping[str, tuple[str, ...]] = {
    "matte": ("matte", "plain", "dull"),
    "shiny": ("shiny", "glossy"),
    "striped": ("striped", "stripy"),
    "dotted": ("dotted", "spotted"),
}
SIZE_WORDS: Mapping[str, tuple[str, ...]] = {"small": ("small", "little"), "large": ("large", "big")}
POSE_WORDS: Mapping[str, tuple[str, ...]] = {"upright": ("standing", "upright"), "lying": ("lying", "fallen")}
GROUND_WORDS: Mapping[str, tuple[str, ...]] = {
    "grass": ("on grass", "on a lawn"),
    "sand": ("on sand", "on a beach"),
    "snow": ("on snow", "in snow"),
    "stone": ("on stone", "on rock"),
    "water": ("on water", "on a lake"),
}
TIME_WORDS: Mapping[str, tuple[str, ...]] = {
    "day": ("at noon", "by day", "in daylight"),
    "sunset": ("at sunset", "at dusk"),
    "night": ("at night", "by night", "in moonlight"),
}
STYLE_WORDS: Mapping[str, tuple[str, ...]] = {
    "photograph": ("a colour photograph of", "a photograph of", "a photo of"),
    "pencil": ("a pencil drawing of", "a drawing of", "a pencil sketch of"),
    "pixel": ("a pixel picture of", "pixel art of", "a pixel image of"),
}
NO_STYLE = ("a picture of", "an image of", "")
"""Openings that say nothing of the style."""

THING_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "kind": KIND_WORDS,
    "colour": COLOUR_WORDS,
    "material": MATERIAL_WORDS,
    "size": SIZE_WORDS,
    "pose": POSE_WORDS,
}
SCENE_WORDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "ground": GROUND_WORDS,
    "time": TIME_WORDS,
    "style": STYLE_WORDS,
}

LEFT = ("left of", "to the left of")
RIGHT = ("right of", "to the right of")
BESIDE = ("beside", "next to", "and")
"""Things joined by one of these are named from left to right."""

GLUE = ("a", "an", "the", "of", "on", "in", "at", "by", "to", ",", "picture", "image", "art")

# Not in any caption: words people write when they edit, kept so that they are one token each later.
SPARE = tuple(
    """
    not without with no two three one many some other another very more less made from into like that is
    are it its this there where under over above below behind front near far between middle top side up
    down and or but fluffy soft hard smooth rough wooden metal glass golden silver old new bright dark
    light warm cold cat dog bird fish horse car boat flower star moon sun cloud sky mountain river road
    bottle cup table chair hat door window roof orange pink brown grey gray object thing things shape
    scene background style painting oil watercolour cartoon winter summer spring autumn rain fog morning
    evening remove add change replace round square tall short wide thin empty full floating
    """.split()
)

# Words that alone decide a value of the surroundings, whatever stands beside them.
SCENE_KEYS: Mapping[str, tuple[str, str]] = {
    "grass": ("ground", "grass"), "lawn": ("ground", "grass"),
    "sand": ("ground", "sand"), "beach": ("ground", "sand"),
    "snow": ("ground", "snow"),
    "stone": ("ground", "stone"), "rock": ("ground", "stone"),
    "water": ("ground", "water"), "lake": ("ground", "water"),
    "noon": ("time", "day"), "day": ("time", "day"), "daylight": ("time", "day"),
    "sunset": ("time", "sunset"), "dusk": ("time", "sunset"),
    "night": ("time", "night"), "moonlight": ("time", "night"),
    "photograph": ("style", "photograph"), "photo": ("style", "photograph"),
    "colour": ("style", "photograph"),
    "pencil": ("style", "pencil"), "drawing": ("style", "pencil"), "sketch": ("style", "pencil"),
    "pixel": ("style", "pixel"),
}  # fmt: skip


class Meaning(NamedTuple):
    """What a word says: this value of this attribute."""

    attribute: str
    value: str


def _meanings() -> dict[str, Meaning]:
    out = {word: Meaning(*key) for word, key in SCENE_KEYS.items()}
    for attribute, values in THING_WORDS.items():
        for value, words in values.items():
            out.update({word: Meaning(attribute, value) for word in words})
    return out


MEANINGS: Mapping[str, Meaning] = _meanings()
"""Meaning of every word that states an attribute; all others only join."""


def _captioned() -> tuple[str, ...]:
    phrases = [
        p for table in (*THING_WORDS.values(), *SCENE_WORDS.values()) for v in table.values() for p in v
    ]
    known = [word for phrase in (*phrases, *NO_STYLE, *LEFT, *RIGHT, *BESIDE) for word in phrase.split()]
    return tuple(dict.fromkeys([*GLUE, *known]))


CAPTIONED = _captioned()
"""All words that captions have; the model has learned no others."""
VOCABULARY = tuple(dict.fromkeys([*CAPTIONED, *SPARE]))
"""All words in the order of their token ids."""

NEAR: Mapping[str, tuple[str, ...]] = {
    "pink": ("red", "purple"), "rose": ("red", "purple"), "magenta": ("purple", "red"),
    "crimson": ("red",), "scarlet": ("red",), "orange": ("red", "yellow"), "brown": ("red", "black"),
    "gold": ("yellow", "shiny"), "golden": ("yellow", "shiny"), "silver": ("white", "shiny"),
    "grey": ("white", "black"), "gray": ("white", "black"), "teal": ("cyan", "blue"), "navy": ("blue",),
    "lime": ("green",), "color": ("colour",),
    "metal": ("shiny",), "metallic": ("shiny",), "glass": ("shiny",), "smooth": ("matte", "shiny"),
    "wooden": ("matte",), "rough": ("matte",), "lined": ("striped",), "polka": ("dotted",),
    "tiny": ("small",), "short": ("small",), "huge": ("large",), "giant": ("large",), "tall": ("large",),
    "round": ("ball",), "orb": ("ball",), "globe": ("ball",), "square": ("cube",), "block": ("cube",),
    "pyramid": ("cone",), "pipe": ("cylinder",), "bottle": ("cylinder",), "cup": ("cylinder",),
    "donut": ("ring",), "cottage": ("house",), "home": ("house",), "building": ("house",),
    "forest": ("tree",), "fungus": ("mushroom",), "flat": ("lying",),
    "meadow": ("grass", "lawn"), "field": ("grass", "lawn"), "desert": ("sand",), "winter": ("snow",),
    "ice": ("snow",), "mountain": ("rock", "stone"), "sea": ("water", "lake"), "ocean": ("water", "lake"),
    "river": ("water", "lake"), "pond": ("lake", "water"),
    "evening": ("sunset", "dusk"), "dawn": ("sunset", "dusk"), "dark": ("night",), "midnight": ("night",),
    "moon": ("moonlight",), "morning": ("daylight", "noon"), "bright": ("daylight",), "sun": ("daylight",),
    "painting": ("drawing",), "cartoon": ("drawing",), "photography": ("photograph",),
    "rot": ("red",), "gelb": ("yellow",), "grün": ("green",), "blau": ("blue",), "weiß": ("white",),
    "schwarz": ("black",), "rouge": ("red",), "bleu": ("blue",), "vert": ("green",), "jaune": ("yellow",),
    "noir": ("black",), "blanc": ("white",), "rojo": ("red",), "azul": ("blue",), "verde": ("green",),
}  # fmt: skip
"""For words that no caption has: those that come nearest in meaning, where spelling would not tell."""
