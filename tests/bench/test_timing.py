"""The time of edits on a machine that does nothing else, beside the seconds of the run they were made in."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import overpaint

from overpaint.bench.figures import ALONE
from overpaint.bench.publish import publish
from overpaint.bench.results import Results, key, row_of
from overpaint.bench.still_life import cases
from overpaint.bench.table import markdown, rows
from overpaint.bench.timing import CLAIM, measure_time, same, timing_of
from overpaint.bench.variant import variants
from overpaint.errors import UsageError
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.methods.sdedit import SDEdit
from overpaint.model import Model

STEPS = {"steps": "2"}
BUSY = 50.0
ROWS = {"sdedit": 2.0, "ddim": 6.0}


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
            "figures": {"success": True, "rows": ROWS[one.method], "seconds": BUSY},
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
    asked, told = timing_of(results, still_life, few=2), list[tuple[str, str]]()
    assert (len(asked.todo), asked.done, asked.seconds) == (4, 0, 4 * BUSY)
    assert list(asked.left.values()) == ["of another model"]
    assert measure_time(asked, Meter(), lambda title, why: told.append((title, why)))
    assert told == [("sdedit steps=2", "")] * 2 + [("ddim ddim steps=2", "")] * 2
    for place, line in results.lines.items():
        figures = {name: value for name, value in line.get("figures", {}).items() if name != ALONE}
        assert figures == before[place].get("figures", {}) and line.keys() == before[place].keys()
    timed = [line["figures"][ALONE] for line in results.lines.values() if ALONE in line.get("figures", {})]
    assert len(timed) == 4 and 0 < max(timed) < 60
    again = timing_of(Results.opened(folder), still_life, few=2)
    assert (again.todo, again.done) == ([], 2)
    assert len(timing_of(results, still_life, few=3).todo) == 2, "the third of each row"
    assert len(timing_of(results, still_life, of(results, "ddim"), few=2, again=True).todo) == 2


def of(results: Results, method: str) -> set[str]:
    """The rows of a method."""
    return {row for (_, row), line in results.lines.items() if line["method"] == method}


def test_every_inversion_is_made_although_it_is_kept(folder: Path, still_life: Model) -> None:
    results, meter = Results.opened(folder), Meter()
    with still_life.keeping(Cache(folder / "inversions")):
        asked = timing_of(results, still_life, of(results, "ddim"), few=1)
        assert measure_time(asked, meter)
        once = meter.rows
        measure_time(asked, meter)
    assert meter.rows == 2 * once > 0


def test_of_an_edit_that_takes_long_one_is_enough(folder: Path, still_life: Model) -> None:
    text = (folder / "results.jsonl").read_text()
    (folder / "results.jsonl").write_text(text.replace(f'"seconds": {BUSY}', '"seconds": 61.0'))
    assert len(timing_of(Results.opened(folder), still_life).todo) == 2


def test_what_became_of_a_line_meanwhile_stays(folder: Path, still_life: Model) -> None:
    results = Results.opened(folder)
    asked = timing_of(results, still_life, of(results, "sdedit"), few=1)
    (_, _, line), other = asked.todo[0], Results.opened(folder)
    other.add({**line, "signals": {"belief": 1.0}})
    measure_time(asked, Meter())
    found = results.lines[key(line)]
    assert found["signals"] == {"belief": 1.0} and found["figures"][ALONE] > 0


def test_tables_and_pages_show_it_and_publishing_keeps_it(folder: Path, still_life: Model) -> None:
    results = Results.opened(folder)
    measure_time(timing_of(results, still_life, of(results, "sdedit"), few=1), Meter())
    publish(results, folder / "out")
    found = rows(list(Results.read(folder / "out").lines.values()))
    assert "| seconds | seconds alone |" in markdown(found)
    one = next(row for row in found if row.line["method"] == "sdedit" and row.values(ALONE))
    assert len(one.values(ALONE)) == 1 and one.values("seconds") == [BUSY] * 4
    assert one.values(ALONE, one.line["type"]) == []
    assert '"alone"' in (folder / "out" / "index.html").read_text()


def test_what_is_another_edit_today_is_left_alone(folder: Path, still_life: Model) -> None:
    text = (folder / "results.jsonl").read_text()
    (folder / "results.jsonl").write_text(text.replace('"guidance": 3.0', '"guidance": 2.0'))
    found = timing_of(Results.opened(folder), still_life)
    assert not found.todo and "of other options than today's" in found.left.values()
    (folder / "results.jsonl").write_text(text.replace('{"case":', '{"threads": 64, "case":'))
    found = timing_of(Results.opened(folder), still_life)
    assert not found.todo and "made otherwise, so give --threads 64" in found.left.values()
    (folder / "results.jsonl").write_text(text.replace(f'"rows": {ROWS["sdedit"]}', '"rows": 9.0'))
    told, results = list[str](), Results.opened(folder)
    asked = timing_of(results, still_life, of(results, "sdedit"), few=1)
    assert measure_time(asked, Meter(), lambda title, why: told.append(why))
    assert len(told) == 1 and "and asked for 9; make it anew" in told[0]
    assert not any(ALONE in line.get("figures", {}) for line in results.lines.values())


def test_options_that_came_since_leave_an_edit_as_it_was() -> None:
    assert same({"a": 1, "gone": ""}, {"a": 1, "new": 2}) and not same({"a": 1, "gone": 1}, {"a": 1})
    assert same({"part": {"a": [1, 2]}}, {"part": {"a": (1, 2), "b": 3}}) and not same({"a": 1}, {"a": 2})


def test_two_do_not_measure_at_once_and_a_stop_keeps_what_was_found(folder: Path, still_life: Model) -> None:
    asked = timing_of(Results.opened(folder), still_life, few=1)
    with Results.opened(folder).claimed(CLAIM):
        assert not measure_time(asked, Meter())
    meter = Meter()
    with pytest.raises(Cancelled):
        measure_time(asked, meter, lambda title, _: meter.cancel() if title.startswith("sdedit") else None)
    left = timing_of(Results.opened(folder), still_life, few=1)
    assert [made.method for made, _, _ in left.todo] == ["ddim"] and left.done == 1


def test_a_mistake_in_one_method_ends_nothing(
    folder: Path, still_life: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(SDEdit, "__call__", broken)
    told = list[tuple[str, str]]()
    asked = timing_of(Results.opened(folder), still_life, few=1)
    assert measure_time(asked, Meter(), lambda title, why: told.append((title, why)))
    assert "ZeroDivisionError" in told[0][1] and told[1] == ("ddim ddim steps=2", "")


def test_the_command(folder: Path) -> None:
    said = overpaint("bench", "time", folder, "--methods", "sdedit", "--cases", "1")
    assert said.code == 0, said.err
    assert "for their time alone: 1, about" in said.err and "whose time is known: 0" in said.err
    assert "sdedit steps=2 is left as it is: of another model." in said.err
    again = overpaint("bench", "time", folder, "--methods", "sdedit", "--cases", "1")
    assert "for their time alone: 0; rows whose time is known: 1" in again.err
    wrong = overpaint("bench", "time", folder, "--methods", "sdit")
    assert wrong.code == 2 and "there are: sdedit, ddim." in wrong.err
    with Results.opened(folder).claimed(CLAIM):
        busy = overpaint("bench", "time", folder, "--methods", "ddim")
    assert busy.code == 2 and "two would disturb each other" in busy.err
    with pytest.raises(UsageError, match="There are no results"):
        Results.read(folder / "none")
