"""Captions with a blank: every one is a caption of the world again, whatever word stands there."""

import pytest

from overpaint.stilllife.parse import parse
from overpaint.stilllife.templates import COUNT, templates
from overpaint.stilllife.words import SCENE_WORDS, THING_WORDS

ALL = templates()
FILLERS = {
    **{kind: [words[0] for words in values.values()] for kind, values in THING_WORDS.items()},
    "ground": ["grass", "snow"],
    "time": ["noon", "night"],
    "style": ["pencil drawing", "pixel picture"],
    "": ["a red cone", "a small house"],
}


def test_there_are_some_for_each_kind_of_word_and_for_whole_things() -> None:
    assert set(ALL) == {*THING_WORDS, *SCENE_WORDS, ""} == set(FILLERS)
    assert all(len(set(several)) == len(several) == COUNT for several in ALL.values())
    assert all(one.count("{}") == 1 for several in ALL.values() for one in several)


@pytest.mark.parametrize("kind", FILLERS)
def test_they_are_captions_of_the_world(kind: str) -> None:
    for one in ALL[kind]:
        told = [parse(one.replace("{}", words)) for words in FILLERS[kind]]
        assert not any(said.unknown for said in told)
        assert len({repr(said) for said in told}) == len(told), "the word in the blank is heard"
