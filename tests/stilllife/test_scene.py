from collections import Counter

import pytest

from overpaint.stilllife.scene import (
    COLOURS,
    GROUNDS,
    HALF,
    KINDS,
    LYING_KINDS,
    MATERIALS,
    STYLES,
    TIMES,
    Scene,
    SceneError,
    Thing,
    from_json,
    sample,
    to_json,
)

SCENES = [sample(seed) for seed in range(3000)]


def test_same_seed_gives_the_same_scene() -> None:
    assert sample(7) == sample(7)
    assert len(set(SCENES)) == len(SCENES)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_number_of_things_can_be_asked_for(count: int) -> None:
    assert {len(sample(seed, count).things) for seed in range(50)} == {count}


@pytest.mark.parametrize("count", [0, 4])
def test_other_numbers_are_refused(count: int) -> None:
    with pytest.raises(SceneError, match="choose 1, 2 or 3"):
        sample(0, count)


def test_nothing_hides_another_or_leaves_the_frame() -> None:
    assert all(scene.fits() for scene in SCENES)


def test_sizes_are_far_apart() -> None:
    assert HALF["large"] >= 1.6 * HALF["small"]


@pytest.mark.parametrize(
    ("attribute", "values"), [("kind", KINDS), ("colour", COLOURS), ("material", MATERIALS)]
)
def test_attributes_of_things_are_balanced(attribute: str, values: tuple[str, ...]) -> None:
    counts = Counter(getattr(thing, attribute) for scene in SCENES for thing in scene.things)
    assert set(counts) == set(values)
    assert max(counts.values()) < 1.25 * min(counts.values())


@pytest.mark.parametrize(("attribute", "values"), [("ground", GROUNDS), ("time", TIMES), ("style", STYLES)])
def test_surroundings_are_balanced(attribute: str, values: tuple[str, ...]) -> None:
    counts = Counter(getattr(scene, attribute) for scene in SCENES)
    assert set(counts) == set(values)
    assert max(counts.values()) < 1.25 * min(counts.values())


def test_a_picture_never_shows_a_kind_or_a_colour_twice() -> None:
    for scene in SCENES:
        assert len({thing.kind for thing in scene.things}) == len(scene.things)
        assert len({thing.colour for thing in scene.things}) == len(scene.things)


def test_json_round_trip() -> None:
    assert all(from_json(to_json(scene)) == scene for scene in SCENES[:200])


ODD = (
    *('"x": null', '"x": "1"', '"x": 1e999', '"row": [1]', '"x": true'),
    *('"x": 1}], "seed": "a", "y": [{"a": 1', '"x": 1}], "seed": 1.5, "ground": "grass", "z": [{"b": 1'),
)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", "5", "null", '{"things": [{"kind": "ball"}]}', '{"things": 3}', "[" * 100_000),
        *(f'{{"things": [{{"kind": "ball", "colour": "red", {odd}}}]}}' for odd in ODD),
    ],
    ids=lambda text: text[:60],
)
def test_other_json_is_refused(text: str) -> None:
    with pytest.raises(SceneError):
        from_json(text)


def test_only_some_kinds_lie() -> None:
    assert {t.kind for s in SCENES for t in s.things if t.pose == "lying"} == set(LYING_KINDS)
    with pytest.raises(SceneError, match="cannot lie"):
        Thing("ball", "red", pose="lying")


def test_unknown_values_are_refused_by_name() -> None:
    with pytest.raises(SceneError, match="'pink' is no colour"):
        Thing("ball", "pink")
    with pytest.raises(SceneError, match="'moon' is no ground"):
        Scene((Thing("ball", "red"),), ground="moon")


def test_things_are_listed_from_left_to_right() -> None:
    with pytest.raises(SceneError, match="left to right"):
        Scene((Thing("ball", "red", x=90), Thing("cube", "blue", x=30)))


def test_changing_to_a_kind_that_cannot_lie_stands_it_up() -> None:
    scene = Scene((Thing("cone", "red", pose="lying"),))
    assert scene.with_thing(0, kind="ball").things[0].pose == "upright"
    assert scene.with_thing(0, kind="ring").things[0].pose == "lying"


def test_taking_a_thing_away() -> None:
    scene = sample(3, 3)
    assert scene.without(1).things == (scene.things[0], scene.things[2])
