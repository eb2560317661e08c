from pathlib import Path

from overpaint.bench.contact import CELL, contact_sheet
from overpaint.bench.references import references
from overpaint.bench.results import Results
from overpaint.bench.run import Bench, run
from overpaint.bench.still_life import cases
from overpaint.bench.variant import Variant
from overpaint.model import Model

SDEDIT = Variant("sdedit", said={"steps": "2"})


def test_cases_lie_beside_one_another(tmp_path: Path, still_life: Model) -> None:
    bench = Bench(cases(limit=4), [*references(), SDEDIT], still_life, Results.opened(tmp_path))
    run(bench)
    sheet = contact_sheet(bench)
    assert sheet is not None
    height, width = sheet.size
    assert 9 * CELL < width < 11 * CELL and 2 * CELL < height < 4 * CELL


def test_a_failure_is_a_grey_cell(tmp_path: Path, still_life: Model) -> None:
    bench = Bench(
        cases(limit=1), [Variant("p2p", said={"blend": "cat"})], still_life, Results.opened(tmp_path)
    )
    run(bench)
    assert "error" in next(iter(bench.results.lines.values()))
    sheet = contact_sheet(bench)
    assert sheet is not None and (sheet.rgb == 128).all(2).sum() >= CELL * CELL


def test_without_methods_there_is_no_sheet(tmp_path: Path, still_life: Model) -> None:
    assert contact_sheet(Bench(cases(limit=1), references(), still_life, Results.opened(tmp_path))) is None
