from typing import Any

import pytest

from overpaint.bench.figures import OFFICIAL
from overpaint.bench.pie.published import HEADS, NONE, REAL, SOURCES, TABLE, beside, markdown
from overpaint.bench.table import rows

OURS = (70.0, 18.0, 200.0, 219.88, 71.0, 25.0, 22.0)


def line(case: str, inversion: Any = "ddim", collection: str = REAL, **figures: float) -> dict[str, Any]:
    """A result of Prompt-to-Prompt; without figures those of `OURS`."""
    inner = {"name": inversion} if isinstance(inversion, str) else inversion
    row: dict[str, Any] = {"format": 1, "method": "p2p", "inversion": inner["name"], "said": {}, "gifts": []}
    row |= {"options": {"inversion": inner}, "reference": False, "code": "c", "model": "m", "networks": {}}
    found = figures or dict(zip(OFFICIAL, OURS, strict=True))
    return {"case": case, "type": "object", "set": collection, **row, "figures": found}


def test_every_row_has_a_value_or_a_blank_for_every_column() -> None:
    assert {len(one.cells) for one in TABLE} == {len(HEADS)} == {len(OFFICIAL)}
    assert all(cell == NONE or float(cell) > 0 for one in TABLE for cell in one.cells)
    assert {one.source for one in TABLE} == {*SOURCES}


def test_sources_are_kept_apart_and_rows_say_the_model_they_are_of() -> None:
    parts = markdown().split("Published by ")[1:]
    assert len(parts) == len(SOURCES)
    assert "| pnp direct | SD 1.5, 50 steps | 24.29 |" in parts[0]
    assert "| p2p direct | SD 1.4, 50 steps | 11.65 | 27.22 | 54.55 |" in parts[0]
    found = [part for part in parts if "AIDI" in part]
    assert len(found) == 2 and "57.92 | – | 84.17" in found[1]
    assert "| ledits++ edit-friendly | SD 1.5 | 41.4 | 20.59 | 100 | 120 |" in parts[-1]


def test_ours_stand_beside_what_was_published_with_the_difference() -> None:
    text = beside(rows([line("a"), line("b")]))
    assert "all 700 pictures; ours of 2 or more;" in text
    assert "| p2p ddim mapping_file | model m, 2 cases | 70.00 | 18.00 | 200.00 | 219.88 |" in text
    assert "| published: p2p ddim | SD 1.4, 50 steps | 69.43 | 17.87 | 208.80 | 219.88 |" in text
    assert "| difference |  | +0.57 | +0.13 | -8.80 | +0.00 |" in text and text.count("Ours beside") == 1


def test_a_figure_that_one_of_both_lacks_has_no_difference() -> None:
    text = beside(rows([line("a", pie_psnr=18.0)]))
    assert "| 1 cases | – | 18.00 | – |" in text.replace("model m, ", "")
    assert "| difference |  | – | +0.13 | – |" in text


@pytest.mark.parametrize("collection", ["drawn", "prompts", ""])
def test_other_pictures_are_held_against_nothing(collection: str) -> None:
    assert beside(rows([line("a", collection=collection)])) == ""


@pytest.mark.parametrize(
    ("average", "averaged", "name"), [(2, "always", "AIDI"), (1, "always", "FPI"), (2, "last", "ReNoise")]
)
def test_variants_of_an_inversion_are_told_by_its_options(average: int, averaged: str, name: str) -> None:
    inner = {"name": "fixed-point", "average": average, "averaged": averaged}
    text = beside(rows([line("a", inner)]))
    found = {one for one in ("AIDI", "FPI", "ReNoise") if f"({one})" in text}
    assert found == {name}


def test_rows_of_several_sources_are_blocks_of_each() -> None:
    text = beside(rows([line("a", "direct")]))
    assert (
        text.count("Ours beside") == 2 and "| published: p2p direct (its baseline) | SD 1.5 | 22.9 |" in text
    )
