import pytest

from overpaint.card import Need
from overpaint.comparing.cells import MOST, Cell, cells, check_count
from overpaint.errors import UsageError

BOTH = frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET})


def test_all_are_those_that_edit_with_what_is_given() -> None:
    with_source = {cell.method for cell in cells(["all"], {}, {}, "sd1", BOTH)}
    without = {cell.method for cell in cells(["all"], {}, {}, "sd1", BOTH - {Need.SOURCE})}
    masked = {cell.method for cell in cells(["all"], {}, {}, "sd1", BOTH | {Need.MASK})}
    assert {"p2p", "sdedit", "pnp"} <= with_source and "generate" not in with_source
    assert "p2p" not in without and "sdedit" in without
    assert {"blended-latent", "inpaint"} <= masked - with_source


def test_a_grid_is_every_combination_wherever_there_is_such_an_option() -> None:
    grid = {"cross_replace": ["0.2", "0.5"], "inversion": ["ddim", "direct"]}
    found = cells(["p2p", "ddim", "sdedit"], grid, {"steps": 4}, "sd1", BOTH)
    assert [cell.title for cell in found] == [
        "p2p steps=4 cross_replace=0.2 inversion=ddim",
        "p2p steps=4 cross_replace=0.2 inversion=direct",
        "p2p steps=4 cross_replace=0.5 inversion=ddim",
        "p2p steps=4 cross_replace=0.5 inversion=direct",
        "ddim steps=4 inversion=ddim",
        "ddim steps=4 inversion=direct",
        "sdedit steps=4",
    ]


def test_options_of_a_chosen_inversion_count() -> None:
    (cell,) = cells(["p2p"], {"inversion": ["null-text"]}, {"inversion.inner": 2}, "sd1", BOTH)
    assert cell == Cell("p2p", {"inversion.inner": 2, "inversion": "null-text"})


@pytest.mark.parametrize(
    ("methods", "grid", "sentence"),
    [
        (["p2q"], {}, "There is no method 'p2q'; did you mean 'p2p'?"),
        (["p2p"], {"cross_replaec": ["1"]}, "'cross_replaec' for the chosen methods; did you mean 'cross_re"),
        ([], {}, "There is no method to compare; name some"),
    ],
)
def test_what_there_is_not_is_named(methods: list[str], grid: dict[str, list[str]], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence.replace("?", r"\?")):
        cells(methods, grid, {}, "sd1", BOTH)


def test_very_many_have_to_be_meant() -> None:
    many = [Cell("p2p", {"steps": k}) for k in range(MOST + 1)]
    with pytest.raises(UsageError, match="These are 201 edits, more than 200; say --yes"):
        check_count(many, False)
    check_count(many, True)
    check_count(many[1:], False)
