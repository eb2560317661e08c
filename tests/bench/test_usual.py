from math import isclose

from overpaint.bench.usual import Came, Tally


def edits(row: str, kind: str, came: int, of: int) -> list[Came]:
    return [Came(row, kind, n < came) for n in range(of)]


MANY = [*edits("a", "colour", 90, 100), *edits("a", "pose", 70, 100), *edits("b", "colour", 20, 100)]


def test_many_cases_speak_for_themselves_and_few_lean_on_what_is_usual() -> None:
    tally = Tally([*MANY, *edits("c", "pose", 0, 1)])
    assert abs(tally.usual("a", "colour") - 0.9) < 0.03 and abs(tally.usual("b", "colour") - 0.2) < 0.06
    assert 0.3 < tally.usual("c", "pose") < tally.usual("a", "pose")
    assert tally.usual("b", "pose") < tally.usual("a", "pose")


def test_of_an_unknown_method_the_type_is_known() -> None:
    tally = Tally(MANY)
    table = tally.table({"a": "p2p", "b": "sdedit"})
    assert set(table) == {"p2p", "sdedit", ""} and set(table[""]) == {"colour", "pose"}
    assert table["sdedit"]["colour"] < table[""]["colour"] < table["p2p"]["colour"]
    assert isclose(Tally([]).usual("a", "colour"), 0.5)


def test_a_case_is_taken_out_again() -> None:
    own = edits("a", "colour", 1, 1)
    assert Tally([*MANY, *own]).less(own).usual("a", "colour") == Tally(MANY).usual("a", "colour")
