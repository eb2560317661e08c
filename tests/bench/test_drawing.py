from dataclasses import replace
from random import Random

import pytest

from overpaint.bench.drawing import TYPES, blend_words, draw, exchanged, known_type, mixed
from overpaint.errors import UsageError
from overpaint.stilllife.edits import HELD_OUT, edited
from overpaint.stilllife.scene import SCENE_VALUES, THING_VALUES, Scene, Thing, sample

PAIR = Scene((Thing("ball", "red", size="small", x=24), Thing("cube", "blue", size="small", x=72)))


def changes(before: Scene, after: Scene) -> set[str]:
    """The attributes that differ, and `count`."""
    if len(before.things) != len(after.things):
        return {"count"}
    pairs = list(zip(before.things, after.things, strict=True))
    things = {name for name in THING_VALUES if any(getattr(a, name) != getattr(b, name) for a, b in pairs)}
    return things | {name for name in SCENE_VALUES if getattr(before, name) != getattr(after, name)}


@pytest.mark.parametrize("kind", TYPES)
def test_edits_are_of_their_type_and_never_seen_in_training(kind: str) -> None:
    for number in range(6):
        case = draw(kind, 5, number)
        assert case == draw(kind, 5, number) != draw(kind, 6, number)
        assert case.source.seed == case.target.seed < HELD_OUT
        assert case.source.fits() and case.target.fits()
        assert edited(case.source, case.source_prompt, case.target_prompt) == case.target
        assert case.what == TYPES[kind][number % len(TYPES[kind])]
        found = changes(case.source, case.target)
        match case.what:
            case "mixed":
                assert len(found) == 2
            case "add" | "remove":
                assert found == {"count"}
            case "place":
                assert len(found) >= 2 and not found & SCENE_VALUES.keys()
            case what:
                assert found == {what}


def test_neighbours_change_places() -> None:
    drawn = exchanged(PAIR, Random(0))
    assert drawn is not None
    left, right = drawn[0].things
    assert (left.kind, left.colour, left.x) == ("cube", "blue", 24)
    assert (right.kind, right.colour, right.x) == ("ball", "red", 72)
    assert exchanged(PAIR.without(0), Random(0)) is None


def test_a_mixture_changes_two_things() -> None:
    drawn = [mixed(sample(k), Random(k)) for k in range(30)]
    scenes = [(sample(k), one[0]) for k, one in enumerate(drawn) if one is not None]
    assert len(scenes) > 15 and all(len(changes(*pair)) == 2 for pair in scenes)


def test_words_to_blend_are_those_of_the_things_that_change() -> None:
    case = draw("object", 0, 0)
    (index,) = [k for k, thing in enumerate(case.source.things) if thing != case.target.things[k]]
    before, after = case.source.things[index].kind, case.target.things[index].kind
    assert blend_words(case) == f"{before}=>{after}"
    drawn = exchanged(PAIR, Random(0))
    assert drawn is not None
    assert blend_words(replace(case, source=PAIR, target=drawn[0])) == "ball, cube=>cube, ball"


@pytest.mark.parametrize("kind", ["add", "delete", "background", "style"])
def test_where_all_may_change_there_are_no_words(kind: str) -> None:
    assert [blend_words(draw(kind, 0, number)) for number in range(4)] == [""] * 4


def test_an_unknown_type_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="no edit type 'color'; did you mean 'colour'"):
        known_type("color")
