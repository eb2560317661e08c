from dataclasses import replace

import pytest

from overpaint.stilllife.captions import caption, describe
from overpaint.stilllife.edits import HELD_OUT, WHATS, edited, pairs
from overpaint.stilllife.scene import Scene, SceneError, Thing, sample

PAIR = Scene((Thing("ball", "red", size="small", x=24), Thing("cube", "blue", size="small", x=72)))


@pytest.mark.parametrize("what", WHATS)
def test_cases_change_one_thing_only(what: str) -> None:
    for seed in range(20):
        case = pairs(seed, what)
        assert case == pairs(seed, what)
        assert case.source.seed == case.target.seed < HELD_OUT
        assert case.source.fits() and case.target.fits()
        before, after = case.source, case.target
        if what in ("add", "remove"):
            longer, shorter = (after, before) if what == "add" else (before, after)
            assert longer.things[:-1] == shorter.things and len(longer.things) == len(shorter.things) + 1
            assert replace(longer, things=shorter.things) == shorter
        elif what in ("ground", "time", "style"):
            assert getattr(before, what) != getattr(after, what)
            assert after.with_surroundings(**{what: getattr(before, what)}) == before
        else:
            moved = [k for k in range(len(before.things)) if before.things[k] != after.things[k]]
            assert len(moved) == 1
            assert after.with_thing(moved[0], **{what: getattr(before.things[moved[0]], what)}) == before


@pytest.mark.parametrize("what", WHATS)
def test_the_reader_finds_the_same_answer(what: str) -> None:
    for seed in range(20):
        case = pairs(seed, what)
        assert edited(case.source, case.source_prompt, case.target_prompt) == case.target


@pytest.mark.parametrize("what", [what for what in WHATS if what not in ("add", "remove")])
def test_prompts_differ_in_the_words_of_the_attribute(what: str) -> None:
    for seed in range(20):
        case = pairs(seed, what)
        words = zip(case.source_prompt.split(), case.target_prompt.split(), strict=True)
        assert sum(a != b for a, b in words) == (2 if what == "style" else 1)


def test_unknown_edit_is_refused() -> None:
    with pytest.raises(SceneError, match="'mood' is no edit"):
        pairs(0, "mood")


def test_an_unchanged_prompt_leaves_the_scene() -> None:
    for seed in range(100):
        scene = sample(seed)
        said = caption(scene, seed).text
        assert edited(scene, said, said) == scene
        assert edited(scene, said, describe(scene).text) in (scene, None)


@pytest.mark.parametrize(
    ("source", "target", "wanted"),
    [
        ("a red ball and a blue cube", "a red ball and a green cube", PAIR.with_thing(1, colour="green")),
        ("a ball and a cube", "a ball and a big cube", PAIR.with_thing(1, size="large")),
        ("a ball and a cube", "a big ball and a cube", None),
        ("a cube", "a snowman", PAIR.with_thing(1, kind="snowman")),
        ("a ball right of a cube", "a ball right of a cube", None),
        ("a cube right of a ball", "a striped house right of a ball",
         PAIR.with_thing(1, kind="house", material="striped")),
        ("a ball and a cube", "a ball", PAIR.without(1)),
        ("a ball and a cube", "a cube at night", PAIR.without(0).with_surroundings(time="night")),
        ("a ball on grass", "a ball on snow", PAIR.with_surroundings(ground="snow")),
        ("a ball on snow", "a ball on grass", None),
        ("a yellow ball", "a red ball", None),
        ("a ball", "a fluffy ball", None),
        ("a ball", "a lying ball", None),
        ("a picture", "a ball", None),
        ("a ball", "a picture", None),
        ("a ball left of a cube", "a ball right of a cube", None),
    ],
)  # fmt: skip
def test_answers(source: str, target: str, wanted: Scene | None) -> None:
    assert edited(PAIR, source, target) == wanted


def test_a_thing_is_added_where_there_is_room() -> None:
    answer = edited(PAIR, "a ball and a cube", "a ball , a cube and a dotted green tree")
    assert answer and answer.things[:2] == PAIR.things
    added = answer.things[2]
    assert (added.kind, added.colour, added.material, added.size) == ("tree", "green", "dotted", "small")
    assert answer.fits()


def test_a_thing_without_room_is_not_added() -> None:
    full = Scene((Thing("ball", "red", x=95),))
    assert edited(full, "a ball", "a ball and a cube") is None
    crowded = sample(3, 3)
    said = " , ".join(f"a {thing.kind}" for thing in crowded.things)
    assert edited(crowded, said, said + " and a tree") is None
