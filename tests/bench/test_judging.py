from overpaint.bench.drawing import draw
from overpaint.bench.judging import points, verdict
from overpaint.bench.still_life import picture
from overpaint.stilllife.scene import Scene, Thing

PAIR = Scene((Thing("ball", "red", size="small", x=24), Thing("cube", "blue", size="small", x=72)))


def test_points_are_asked_where_the_scenes_differ() -> None:
    assert points(PAIR, PAIR.with_thing(1, colour="green")) == ({"thing1.colour"}, frozenset())
    assert points(PAIR, PAIR.with_surroundings(time="night")) == ({"time"}, frozenset())
    assert points(PAIR, PAIR.without(1)) == ({"count"}, frozenset())


def test_what_grows_has_its_middle_elsewhere() -> None:
    assert points(PAIR, PAIR.with_thing(0, size="large"))[0] == {"thing0.size", "thing0.place"}


def test_a_thing_that_is_added_may_stand_anywhere() -> None:
    asked, anywhere = points(PAIR.without(1), PAIR)
    assert anywhere == {"thing1.place"}
    assert asked == {"count", *(f"thing1.{name}" for name in ("kind", "colour", "material", "size", "pose"))}


def test_the_true_answer_passes_and_the_source_does_not() -> None:
    for kind in ("object", "colour", "delete", "background"):
        case = draw(kind, 3, 0)
        answer, still = (
            verdict(picture(one), case.source, case.target) for one in (case.target, case.source)
        )
        assert answer.changed and answer.kept and answer.wrong == ()
        assert not still.changed and still.kept


def test_what_should_have_stayed_is_told_from_what_should_have_changed() -> None:
    wanted, other = PAIR.with_thing(1, colour="green"), PAIR.with_thing(0, colour="yellow")
    assert verdict(picture(other), PAIR, wanted).wrong == ("thing0.colour", "thing1.colour")
    both = wanted.with_thing(0, colour="yellow")
    seen = verdict(picture(both), PAIR, wanted)
    assert seen.changed and not seen.kept
