import pytest

from overpaint.stilllife.captions import caption, describe
from overpaint.stilllife.parse import Description, Mention, parse
from overpaint.stilllife.scene import LYING_KINDS, Scene, sample


def expected(scene: Scene, free: frozenset[str], index: int) -> Mention:
    thing = scene.things[index]
    names = ["colour", "material", "size", *(["pose"] if thing.kind in LYING_KINDS else [])]
    said = {name: getattr(thing, name) for name in names if f"thing{index}.{name}" not in free}
    return Mention(thing.kind, **said)


@pytest.mark.parametrize("start", range(0, 800, 200))
def test_captions_are_read_back(start: int) -> None:
    for seed in range(start, start + 200):
        scene = sample(seed)
        for said in (caption(scene, seed), describe(scene)):
            read = parse(said.text)
            assert read.unknown == ()
            assert read.mentions == tuple(expected(scene, said.free, index) for index in said.order)
            around = {name: getattr(scene, name) for name in ("ground", "time", "style")}
            assert read.surroundings() == {k: v for k, v in around.items() if k not in said.free}
            ordered = read.left_to_right()
            assert ordered and [m.kind for m in ordered] == [t.kind for t in scene.things]
            assert ("relation" in said.free) == ("beside" in read.relations)


def test_what_is_said_otherwise_is_understood_too() -> None:
    assert parse("A BIG red Sphere, next to the house!") == Description(
        (Mention("ball", "red", size="large"), Mention("house")), ("beside",), unknown=("!",)
    )


@pytest.mark.parametrize(
    ("text", "unknown"),
    [("a fluffy ball", ("fluffy",)), ("a ball that is red", ("that", "is", "red")), ("a cat", ("cat",))],
)
def test_what_is_not_understood_is_listed(text: str, unknown: tuple[str, ...]) -> None:
    assert parse(text).unknown == unknown


def test_nothing_said() -> None:
    assert parse("") == Description(())


def test_relations() -> None:
    assert parse("a ball left of a cube").relations == ("left",)
    assert parse("a ball , to the right of a cube").relations == ("right",)
    assert parse("a ball , a cube and a ring").relations == ("beside", "beside")
    assert parse("a ball left of a cube right of a ring").left_to_right() is None


def test_a_mention_fits_what_it_does_not_deny() -> None:
    thing = sample(1).things[0]
    assert Mention(thing.kind).fits(thing)
    assert not Mention(thing.kind, "red" if thing.colour != "red" else "blue").fits(thing)
