"""The contact sheet of a run: a case a line, as it is, as it should be, and as each variant made it."""

from collections.abc import Iterator

from overpaint.bench.case import Case
from overpaint.bench.run import Bench
from overpaint.bench.variant import Variant
from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture
from overpaint.images.picture import from_pil
from overpaint.images.sheets import flat, scaled, sheet

FILE = "sheet.png"
CELL = 192
CASES, VARIANTS = 20, 6
"""The most cases and variants on a sheet."""
ACROSS = 9
"""Cells beside one another, where those of one case leave room for another's."""


def contact_sheet(bench: Bench, cell: int = CELL, across: int = ACROSS) -> Picture | None:
    """The first cases of a run and the first variants, in cells so many pixels high; nothing without any.

    About ``across`` cells lie beside one another.
    """
    shown = [variant for variant in bench.variants if not variant.reference][:VARIANTS]
    cells, captions, columns = list[Picture](), list[str](), 0
    for case in bench.cases[:CASES]:
        line = list(cells_of(bench, case, shown))
        columns = max(columns, len(line))
        cells += [picture for picture, _ in line]
        captions += [words for _, words in line]
    if not cells or not shown:
        return None
    beside = max(1, across // columns) * columns
    return from_pil(sheet([scaled(flat(one), cell) for one in cells], captions, beside))


def cells_of(bench: Bench, case: Case, shown: list[Variant]) -> Iterator[tuple[Picture, str]]:
    """The pictures of a case with what to say below each."""
    try:
        pictures = case.pictures()
    except UsageError:
        return
    yield pictures.source, f"{case.name}: {case.source_prompt}"
    yield pictures.truth or pictures.source, f"truth: {case.target_prompt}" if pictures.truth else "no truth"
    for variant in shown:
        line = bench.line(case, variant) or {}
        found = line.get("figures", {})
        judged = ("success" if found["success"] else "failed") if "success" in found else "done"
        verdict = line.get("error") or judged
        wrong = f"wrong: {', '.join(line['wrong'])}" if line.get("wrong") else ""
        outside = f"{found['psnr_outside']:.1f} dB outside" if "psnr_outside" in found else ""
        words = "; ".join(filter(None, [f"{variant.title}: {verdict}"[:120], wrong[:60], outside]))
        try:
            yield load_picture(bench.picture(case, variant)), words
        except UsageError:
            yield Picture(pictures.source.rgb * 0 + 128), words
