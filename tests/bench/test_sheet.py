"""The sheet of kept results: which columns there are, and what stands in their cells."""

from pathlib import Path

import numpy as np
import pytest
from tests.bench.kit import first
from tests.bench.test_table import P2P, line

from overpaint.bench.drawing import TYPES
from overpaint.bench.publish import publish
from overpaint.bench.results import PICTURES, Line, Results, row_key
from overpaint.bench.sheet import BAD, BLANK, CELL, GOOD, change, result_sheet
from overpaint.bench.still_life import cases
from overpaint.errors import UsageError
from overpaint.images import Picture, save_picture

FIRST = cases(limit=len(TYPES))
OWN: Line = {**P2P, "said": {}}
OVER: Line = {**OWN, "inversion": "ddim", "options": {"inversion": {"name": "ddim"}}}
RED = np.tile(np.array([250, 0, 0], dtype=np.uint8), (128, 128, 1))


@pytest.fixture
def results(tmp_path: Path) -> Results:
    made = Results.opened(tmp_path / "made")
    for row, case, success in ((OWN, "random-00", True), (OWN, "style-00", False), (OVER, "style-00", True)):
        made.add(line(row, case, success=success))
        place = made.folder / PICTURES / case
        place.mkdir(parents=True, exist_ok=True)
        save_picture(Picture(RED), place / f"{row_key(row)}.png", {}, overwrite=True)
    return made


def columns(results: Results, *methods: str) -> int:
    whole = result_sheet(results, FIRST, methods).size[1]
    return round((whole - CELL * 1.5) / (CELL + 6)) - 2


def seen(sheet: Picture, colour: tuple[int, int, int]) -> int:
    return int((sheet.rgb == colour).all(2).sum())


def test_columns_are_methods_as_they_come_or_those_that_are_named(results: Results) -> None:
    assert columns(results) == columns(results, "p2p") == columns(results, "p2p ddim") == 1
    assert columns(results, "p2p", "p2p ddim") == 2
    with pytest.raises(UsageError, match="none of 'pnp' on these cases; make some with: overpaint bench"):
        result_sheet(results, FIRST, ["pnp"])
    with pytest.raises(UsageError, match="no method on these cases"):
        result_sheet(results, cases(types=["colour"], limit=1))


def test_cells_say_what_came_off_and_what_is_missing(results: Results, tmp_path: Path) -> None:
    published = tmp_path / "kept"
    publish(results, published, FIRST)
    for one in (results, Results.read(published)):
        sheet = result_sheet(one, FIRST)
        assert seen(sheet, GOOD) == seen(sheet, BAD) > CELL
        assert seen(sheet, BLANK) == (len(FIRST) - 2) * CELL**2
        red = (sheet.rgb[..., 0] > 200) & (sheet.rgb[..., 1:].max(2) < 30)
        assert red.sum() == pytest.approx(2 * (CELL - 6) ** 2, rel=0.05)


def test_labels_say_what_changes() -> None:
    assert change(first("colour")[0]) == "yellow => green"
    assert change(first("add")[0]) == "+ left of a large dotted yellow mushroom"
    assert change(first("delete")[0]).startswith("- left of")
