"""The time of edits on a machine that does nothing else, beside the seconds of the run they were made in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import overpaint

from overpaint.bench.figures import ALONE
from overpaint.bench.publish import publish
from overpaint.bench.results import Results, row_of
from overpaint.bench.still_life import cases
from overpaint.bench.table import markdown, rows
from overpaint.bench.timing import CLAIM, measure_time, same, timing_of
from overpaint.bench.variant import variants
from overpaint.errors import UsageError
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model

STEPS = {"steps": "2"}


@pytest.fixture
def folder(tmp_path: Path, still_life: Model) -> Path:
    """Results of two methods on four cases, and of one by another model, as if made on a busy machine."""
    made = variants(["sdedit", "ddim"], [], STEPS, still_life)
    whole = [(one, case) for case in cases(limit=4) for one in made]
    lines: list[dict[str, Any]] = [
        {
            "case": case.name,
            "type": case.kind,
            **row_of(one, still_life.fingerprint),
            "figures": {"success": True, "rows": 4.0, "seconds": 500.0},
        }
        for one, case in whole
    ]
    lines += [{**lines[0], "model": "another"}, {**lines[0], "method": "edict", "error": "It failed."}]
    del lines[-1]["figures"]
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


def test_a_few_edits_of_each_row_are_timed_once_and_all_else_stays(folder: Path, still_life: Model) -> None:
    results = Results.opened(folder)
    before = dict(results.lines)
    asked, titles = timing_of(results, still_life, few=2), list[str]()
    assert (len(asked.todo), asked.done, asked.seconds) == (4, 0, 2000.0)
    assert len(asked.left) == 1 and asked.left[0].startswith("sdedit")
    assert measure_time(asked, Meter(), titles.append)
    assert titles == ["sdedit steps=2"] * 2 + ["ddim ddim steps=2"] * 2
    for key, line in results.lines.items():
        figures = {name: value for name, value in line.get("figures", {}).items() if name != ALONE}
        assert figures == before[key].get("figures", {}) and line.keys() == before[key].keys()
    timed = [line["figures"][ALONE] for line in results.lines.values() if ALONE in line.get("figures", {})]
    assert len(timed) == 4 and 0 < max(timed) < 60
    again = timing_of(Results.opened(folder), still_life, few=2)
    assert (again.todo, again.done) == ([], 2)
    assert len(timing_of(results, still_life, ["ddim"], few=2, again=True).todo) == 2


def test_every_inversion_is_made_although_it_is_kept(folder: Path, still_life: Model) -> None:
    asked, meter = timing_of(Results.opened(folder), still_life, ["ddim"], few=1), Meter()
    measure_time(asked, meter)
    once = meter.rows
    measure_time(asked, meter)
    assert meter.rows == 2 * once > 0


def test_tables_and_pages_show_it_and_publishing_keeps_it(folder: Path, still_life: Model) -> None:
    results = Results.opened(folder)
    measure_time(timing_of(results, still_life, ["sdedit"], few=1), Meter())
    publish(results, folder / "out")
    found = rows(list(Results.read(folder / "out").lines.values()))
    assert "| seconds | seconds alone |" in markdown(found)
    one = next(row for row in found if row.line["method"] == "sdedit" and row.values(ALONE))
    assert len(one.values(ALONE)) == 1 and one.values("seconds") == [500.0] * 4
    assert '"alone"' in (folder / "out" / "index.html").read_text()


def test_what_is_another_edit_today_is_left_alone(folder: Path, still_life: Model) -> None:
    text = (folder / "results.jsonl").read_text()
    (folder / "results.jsonl").write_text(text.replace('"guidance": 3.0', '"guidance": 2.0'))
    found = timing_of(Results.opened(folder), still_life)
    assert found.todo == [] and len(found.left) == 3
    assert same({"a": 1, "gone": ""}, {"a": 1, "new": 2}) and not same({"a": 1, "gone": 1}, {"a": 1})
    assert same({"part": {"a": [1, 2]}}, {"part": {"a": (1, 2), "b": 3}}) and not same({"a": 1}, {"a": 2})


def test_two_do_not_measure_at_once_and_a_stop_keeps_what_was_found(folder: Path, still_life: Model) -> None:
    asked = timing_of(Results.opened(folder), still_life, few=1)
    with Results.opened(folder).claimed(CLAIM):
        assert not measure_time(asked, Meter())
    meter = Meter()
    with pytest.raises(Cancelled):
        measure_time(asked, meter, lambda title: meter.cancel() if title.startswith("ddim") else None)
    left = timing_of(Results.opened(folder), still_life, few=1)
    assert [made.method for made, _, _ in left.todo] == ["ddim"] and left.done == 1
    assert replace(left, todo=[]).seconds == 0


def test_the_command(folder: Path) -> None:
    said = overpaint("bench", "time", folder, "--methods", "sdedit", "--cases", "1")
    assert said.code == 0, said.err
    assert "for their time alone: 1, about 8" in said.err and "whose time is known: 0" in said.err
    assert "Of another model, other options than today's, or not of Still Life: sdedit" in said.err
    again = overpaint("bench", "time", folder, "--methods", "sdedit", "--cases", "1")
    assert "for their time alone: 0; rows whose time is known: 1" in again.err
    wrong = overpaint("bench", "time", folder, "--methods", "sdit")
    assert wrong.code == 2 and "there are: sdedit, ddim." in wrong.err
    with Results.opened(folder).claimed(CLAIM):
        busy = overpaint("bench", "time", folder, "--methods", "ddim")
    assert busy.code == 2 and "two would disturb each other" in busy.err
    with pytest.raises(UsageError, match="There are no results"):
        Results.read(folder / "none")
