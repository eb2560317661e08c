"""The table of all methods: its rows, how many cases they take, and what has none."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.kit import overpaint

from overpaint import registry
from overpaint.bench import whole
from overpaint.bench.results import FILE, Results
from overpaint.bench.still_life import cases
from overpaint.bench.whole import FEW, PLAN, Planned
from overpaint.errors import UsageError
from overpaint.inversions.choice import NAMES
from overpaint.model import Model


def test_every_method_that_edits_a_picture_has_a_row_or_a_reason(still_life: Model) -> None:
    rows, out = whole.every_row(still_life), whole.left_out(still_life)
    assert {row.method for row in rows} | out.keys() == set(registry.METHODS)
    assert not {row.method for row in rows} & out.keys()
    assert out.keys() == {"generate", "p-plus", "spatext"} and all(out.values())
    titles = [row.title for row in rows]
    assert len(set(titles)) == len(titles)
    assert {"sega ddim given concepts", "ledits edit-friendly", "inpaint given region"} <= set(titles)
    assert {f"p2p {name}" for name in NAMES if name != "recorded"} <= set(titles)


def test_what_suits_the_model_stands_beside_what_was_published(still_life: Model) -> None:
    published = {row.method for row in whole.every_row(still_life) if row.said}
    assert published == {name for name in still_life.suits.edits if name in registry.METHODS}
    for row in whole.every_row(still_life, list(published)):
        assert row.options["tuned"] == ("published" if row.said else "auto")


def test_named_methods_alone_have_rows(still_life: Model) -> None:
    rows = whole.every_row(still_life, ["blended-diffusion", "ddim"])
    assert [row.gifts for row in rows] == [("region",), ("region",), ()]
    with pytest.raises(UsageError, match="did you mean 'ddim'"):
        whole.every_row(still_life, ["ddm"])
    with pytest.raises(UsageError, match="does not edit a picture"):
        whole.every_row(still_life, ["generate"])


def test_slow_rows_take_the_first_fifty_cases(still_life: Model) -> None:
    rows, chosen = whole.every_row(still_life, ["sdedit", "edict"]), cases(limit=60)
    found = list(whole.planned(still_life, chosen, rows, 1e-3))
    assert all(one.few for one in found)
    fast, slow = found[0].seconds, found[-1].seconds
    assert 0 < fast < slow and found[-1].rows == 320
    found = list(whole.planned(still_life, chosen, rows, (fast + slow) / 2))
    assert [one.few for one in found] == [False, False, True]
    assert [len(one.taken(chosen)) for one in found] == [60, 60, FEW]
    assert len({case.kind for case in found[-1].taken(chosen)}) == 10


def test_a_faster_machine_does_not_change_the_table_half_way(still_life: Model, tmp_path: Path) -> None:
    results, rows = Results.opened(tmp_path), whole.every_row(still_life, ["sdedit"])
    first = [Planned(row, 90.0, 60, few) for row, few in zip(rows, (True, False), strict=True)]
    assert whole.settled(results, still_life, first) == first
    later = [replace(one, few=not one.few) for one in first]
    assert [one.few for one in whole.settled(results, still_life, later)] == [True, False]
    (tmp_path / PLAN).write_text("{cut")
    assert whole.settled(results, still_life, later) == later


def test_the_plan_is_said_and_nothing_made(tmp_path: Path) -> None:
    said = overpaint("bench", "all", "--methods", "sdedit", "--dry-run", "--out", tmp_path / "out")
    assert said.code == 0, said.err
    assert [line.split(" | ")[:2] for line in said.out.splitlines()[2:]] == [
        ["| sdedit", "200"],
        ["| sdedit tuned=published", "200"],
    ]
    assert "2 rows, 400 edits: about" in said.err and "half of that if another one" in said.err
    assert not (tmp_path / "out").exists()


def test_the_table_is_made_published_and_gone_on_with(tmp_path: Path) -> None:
    command = ("bench", "all", "--methods", "sdedit", "--limit", "1", "--out", tmp_path)
    said = overpaint(*command)
    assert said.code == 0, said.err
    lines = (tmp_path / FILE).read_text().splitlines()
    assert len(lines) == 3 + 2 + 2  # the last two are those before them, with their time alone
    table = (tmp_path / "published" / "table.md").read_text()
    assert "| seconds | seconds alone |" in table and "for their time alone: 2" in said.err
    assert "| truth | 1 |" in table and "| sdedit tuned=published | 1 |" in table
    (tmp_path / FILE).write_text("\n".join(lines[:4]) + "\n" + lines[4][:40])
    again = overpaint(*command, "-o", tmp_path / "elsewhere")
    assert again.code == 0 and "2 edits, 1 of which are done" in again.err
    assert len((tmp_path / FILE).read_text().splitlines()) == len(lines)
    assert (tmp_path / "elsewhere" / "index.html").exists()


def test_what_cannot_be_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "table.md").touch()
    for words, sentence in (
        (("--methods", "sdeit"), "did you mean 'sdedit'"),
        (("--methods", "generate"), "does not edit a picture"),
        (("--slow", "0"), "0 is not in the range"),
        (("-o", tmp_path / "out"), "holds the results themselves"),
        (("-o", tmp_path / "theirs"), "holds table.md, which was not published here"),
    ):
        said = overpaint("bench", "all", *words, "--out", tmp_path / "out")
        assert said.code == 2 and sentence in said.err
    assert not (tmp_path / "out").exists()
