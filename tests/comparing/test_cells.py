import pytest

from overpaint.card import Need
from overpaint.comparing import cells as module
from overpaint.comparing.cells import MOST, Cell, cells
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
        "p2p steps=4 cross_replace=0.5 inversion=ddim",
        "p2p steps=4 cross_replace=0.2 inversion=direct",
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
    many = {"steps": list(range(1, MOST + 2))}
    with pytest.raises(UsageError, match="These are 201 edits, more than 200; say --yes"):
        cells(["sdedit"], many, {}, "sd1", BOTH)
    assert len(cells(["sdedit"], many, {}, "sd1", BOTH, True)) == 201
    assert len(cells(["sdedit"], {"steps": many["steps"][1:]}, {}, "sd1", BOTH)) == MOST


def test_what_is_refused_was_counted_and_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(*told: object) -> Cell:
        raise AssertionError("a cell was made")

    monkeypatch.setattr(module, "Cell", make)
    values = [k / 100 for k in range(100)]
    options = ("cross_replace", "self_replace", "guidance", "steps")
    with pytest.raises(UsageError, match="These are 200000000 edits, more than the 10000 that one"):
        cells(
            ["p2p"], dict.fromkeys(options, values) | {"inversion": ["ddim", "direct"]}, {}, "sd1", BOTH, True
        )
    with pytest.raises(UsageError, match="These are 10000 edits, more than 200; say --yes"):
        cells(["p2p"], dict.fromkeys(options[:2], values), {}, "sd1", BOTH)


def test_options_that_a_method_has_not_make_no_more_of_it() -> None:
    grid = {"inversion": ["ddim", "null-text", "ddim"], "inversion.inner": [2, 3, 2], "steps": [4, 4]}
    found = cells(["p2p", "sdedit"], grid, {"guidance": 2}, "sd1", BOTH)
    assert [cell.title for cell in found] == [
        "p2p guidance=2 inversion=ddim steps=4",
        "p2p guidance=2 inversion=null-text inversion.inner=2 steps=4",
        "p2p guidance=2 inversion=null-text inversion.inner=3 steps=4",
        "sdedit guidance=2 steps=4",
    ]
    maps = [{"dog": 2.0}, {"dog": 3.0}, {"dog": 2.0}]
    assert len(cells(["p2p"], {"reweight": maps}, {}, "sd1", BOTH)) == 2
