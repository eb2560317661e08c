import csv
import io

import numpy as np
import pytest

from overpaint.bench.figures import FIGURES
from overpaint.bench.results import Line, row_of
from overpaint.bench.table import as_csv, markdown, mean, rows
from overpaint.bench.variant import Variant

P2P = row_of(Variant("p2p", "direct", {"steps": "2"}, {"steps": 2}, code="old"), "m")
FLOOR = row_of(Variant("source untouched", code="old", reference=True), "m")


def line(row: Line, case: str, **figures: float) -> Line:
    return {"case": case, "type": case.rpartition("-")[0].rpartition("-")[2], **row, "figures": figures}


LINES = [
    line(P2P, "colour-00", success=True, psnr_inside=20.0, rows=8),
    line(P2P, "colour-01", success=False, psnr_inside=10.0, rows=8),
    line(P2P, "style-00", success=True, psnr_inside=30.0, rows=8),
    {**line(P2P, "style-01"), "error": "A word | is missing."},
    line(FLOOR, "colour-00", success=False, psnr_inside=5.0),
]


def test_an_interval_holds_its_mean_and_narrows_with_cases() -> None:
    few, many = mean([0.0, 1.0] * 5), mean([0.0, 1.0] * 100)
    assert few.value == many.value == 0.5 and few.cases == 10
    assert few.low < many.low < 0.5 < many.high < few.high
    # of a share of one half in 200 cases: 1.96 sqrt(p (1 - p) / n) = 0.069
    assert (many.high - many.low) / 2 == pytest.approx(0.069, abs=0.006)
    assert mean([1.0] * 7) == mean([1.0] * 7) and mean([1.0] * 7).low == 1


def test_rows_hold_what_belongs_together_and_references_come_first() -> None:
    found = rows(LINES)
    assert [(row.title, len(row.lines)) for row in found] == [
        ("source untouched", 1),
        ("p2p direct steps=2", 4),
    ]


def test_what_failed_is_no_success_and_has_no_other_figure() -> None:
    row = rows(LINES)[1]
    success, inside = row.mean("success"), row.mean("psnr_inside")
    assert success is not None and (success.value, success.cases) == (0.5, 4)
    assert inside is not None and (inside.value, inside.cases) == (20.0, 3)
    styles = row.mean("success", "style")
    assert styles is not None and styles.value == 0.5
    assert row.mean("memory") is None


def test_a_failure_brings_no_successes_into_a_set_without_a_judge() -> None:
    free = {"set": "photos"}
    seen = {**line(P2P, "a", pie_psnr=20.0), **free}
    failure = {**line(P2P, "b"), **free, "error": "It failed."}
    head = markdown(rows([seen, failure])).splitlines()[0]
    assert head == "|  | cases | PSNR out |"
    judged, other = rows([*LINES, seen, failure])[1:]
    assert judged.mean("success") and other.mean("success") is None and other.mean("kept") is None


def test_other_versions_are_rows_of_their_own() -> None:
    found = rows([*LINES, line({**P2P, "code": "newer!"}, "colour-00", success=True)])
    assert [row.title for row in found] == [
        "source untouched",
        "p2p direct steps=2 (code old, model m)",
        "p2p direct steps=2 (code newer!, model m)",
    ]


def test_fresh_cases_are_rows_of_their_own() -> None:
    found = rows([*LINES, line(P2P, "fresh7-colour-00", success=True)])
    assert [row.title for row in found][1:] == ["p2p direct steps=2", "p2p direct steps=2 fresh7"]


def test_what_is_worse_than_no_edit_is_said_to_be_so() -> None:
    told = "Farther from the true answer inside the change than the untouched source:"
    assert told not in markdown(rows(LINES))
    better = line(FLOOR, "colour-01", psnr_inside=26.0)
    assert f"{told}\n\n- p2p direct steps=2: 15.0 dB, the untouched source 15.5 dB\n" in markdown(
        rows([*LINES, better])
    )
    assert told not in markdown(rows([*LINES, line(FLOOR, "fresh7-colour-00", psnr_inside=99.0)]))


def test_markdown_says_it_for_people() -> None:
    text = markdown(rows(LINES))
    head, _, floor, own = text.splitlines()[:4]
    assert head == "|  | cases | success | PSNR in | rows |"
    assert floor == "| source untouched | 1 | 0.00 (0.00 to 0.00) | 5.0 |  |"
    assert own.startswith("| p2p direct steps=2 | 4 | 0.50 (0.00 to 1.00) | 20.0 | 8 |")
    assert "|  | colour | style |" in text and "| p2p direct steps=2 | 0.50 (0.00 to 1.00) |" in text
    assert "- p2p direct steps=2: A word | is missing. (1 cases)" in text


def test_nothing_is_an_empty_table() -> None:
    assert markdown([]).startswith("|  | cases |")


def test_the_csv_says_the_same_for_programs() -> None:
    found = list(csv.DictReader(io.StringIO(as_csv(rows(LINES)))))
    own = [one for one in found if one["method"] == "p2p" and one["figure"] == "psnr_inside"]
    assert [(one["type"], float(one["mean"]), one["cases"], one["failed"]) for one in own] == [
        ("all", 20.0, "3", "1"),
        ("colour", 15.0, "2", "0"),
        ("style", 30.0, "1", "1"),
    ]
    assert {one["figure"] for one in found} <= FIGURES.keys()
    assert all(float(one["low"]) <= float(one["mean"]) <= float(one["high"]) for one in found)
    assert np.isfinite([float(one["mean"]) for one in found]).all()


def test_one_case_of_a_type_is_no_mean_of_it() -> None:
    few = rows([one for one in LINES if one["case"].endswith("00")])
    told = list(csv.DictReader(io.StringIO(as_csv(few))))
    assert told and {one["type"] for one in told} == {"all"}
    assert "Success by type" not in markdown(few) and "Success by type" in markdown(rows(LINES))


def test_what_a_missing_network_would_measure_is_a_column_of_dashes() -> None:
    networks: dict[str, str] = {}
    own: Line = {**line(P2P, "a", pie_psnr=20.0), "set": "photos", "networks": networks}
    head, _, first = markdown(rows([own])).splitlines()[:3]
    assert "| structure x1000 | PSNR out | LPIPS out x1000 |" in head
    assert first.startswith("| p2p direct steps=2 photos | 1 | – | 20.00 | – |")


def test_a_case_that_no_row_can_do_is_said_once() -> None:
    broken = {"error": "Its picture cannot be read."}
    found = rows([*({**line(row, "colour-02"), **broken} for row in (FLOOR, P2P)), *LINES])
    text = markdown(found)
    assert "- colour-02: Its picture cannot be read." in text and text.count("cannot be read") == 1
    assert "- p2p direct steps=2: A word | is missing. (1 cases)" in text
