from overpaint.bench.combinations import combinations, everything
from overpaint.bench.results import Line, row_of
from overpaint.bench.table import rows
from overpaint.bench.variant import Variant


def line(method: str, inversion: str, case: str, success: bool | None = None, **said: str) -> Line:
    kept = {
        **row_of(Variant(method, inversion, said, dict(said), code="c"), "m"),
        "case": case,
        "type": case[:-3],
    }
    if success is None:
        return {**kept, "error": "The mask of the walk is missing."}
    return {**kept, "figures": {"success": success, "rows": 200, "seconds": 5.04}}


LINES = [
    line("p2p", "ddim", "colour-00", True),
    line("p2p", "ddim", "colour-01", False),
    line("p2p", "ddim", "colour-02", False, steps="2"),
    line("p2p", "virtual", "colour-00", True),
    line("masactrl", "ddim", "colour-00", False),
    line("masactrl", "edict", "colour-00"),
    line("edict", "edict", "colour-00", True),
]


def test_inversions_stand_beside_methods_and_a_cell_that_failed_says_why() -> None:
    text = combinations(rows(LINES)).splitlines()
    assert text[2] == "|  | p2p | masactrl |"
    cells = {row.split(" | ")[0].strip("| "): row.split(" | ")[1:] for row in text[4:7]}
    assert list(cells) == ["ddim", "edict", "virtual"]
    assert cells["ddim"][0].startswith("0.50 (") and cells["ddim"][0].endswith("of 2; 200 rows, 5.0 s")
    assert cells["virtual"][0].startswith("1.00") and cells["virtual"][1].strip(" |") == ""
    assert cells["edict"] == ["", "not possible, see below |"]
    assert text[-1] == "- masactrl over edict: The mask of the walk is missing."


def test_one_inversion_a_method_needs_no_such_table() -> None:
    assert combinations(rows([LINES[0], LINES[-1]])) == ""
    assert "Inversions under methods" not in everything(rows([LINES[0]]))
    assert "Inversions under methods" in everything(rows(LINES))
