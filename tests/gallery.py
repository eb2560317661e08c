"""Edits beside true answers: ``python -m tests.gallery FILE.png [FOLDER]`` draws the sheet of the docs.

The sheet shows the first case of each type of the benchmark by Prompt-to-Prompt at its defaults, whatever it
looks like. Results are those of the benchmark in FOLDER; what is missing there is done first. It is no test:
nothing here is collected by pytest.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from overpaint import load
from overpaint.bench.contact import contact_sheet
from overpaint.bench.drawing import TYPES
from overpaint.bench.references import references
from overpaint.bench.results import Line, Results
from overpaint.bench.run import Bench, run
from overpaint.bench.still_life import cases
from overpaint.bench.table import grid
from overpaint.bench.variant import variants
from overpaint.images import save_picture
from overpaint.inversions.cache import Cache

METHOD = "p2p"
CELL, ACROSS = 256, 6
FOLDER = Path("runs/bench")
HEAD = ("case", "judge", "outside, dB", "inside, dB", "the source itself inside, dB")


def prepared(folder: Path) -> Bench:
    """The first case of each type, the floor and the ceilings beside the method."""
    model = load("still-life", device="cpu")
    model.cache = Cache(folder / "inversions")
    shown = [*references(), *variants([METHOD], [], {}, model)]
    return Bench(cases(limit=len(TYPES)), shown, model, Results.opened(folder))


def figures_of(bench: Bench) -> Iterator[list[str]]:
    """What the benchmark says of every case shown."""
    floor, *_, method = bench.variants
    for case in bench.cases:
        own, untouched = bench.line(case, method) or {}, bench.line(case, floor) or {}
        decibels = (
            decibel(own, "psnr_outside"),
            decibel(own, "psnr_inside"),
            decibel(untouched, "psnr_inside"),
        )
        yield [case.name, judged(own), *decibels]


def judged(line: Line) -> str:
    """The judge's verdict in words."""
    if "error" in line:
        return str(line["error"])
    wrong = ", ".join(line["wrong"])
    return f"wrong: {wrong}" if wrong else "all as in the true answer"


def decibel(line: Line, name: str) -> str:
    """A figure in decibels, or nothing."""
    value = line.get("figures", {}).get(name)
    return "" if value is None else f"{value:.1f}"


def main(place: Path, folder: Path = FOLDER) -> None:
    """Edit what is missing, draw the sheet, print the figures."""
    bench = prepared(folder)
    run(bench)
    sheet = contact_sheet(bench, CELL, ACROSS)
    if sheet is not None:
        save_picture(sheet, place, {}, overwrite=True)
    print(grid(HEAD, list(figures_of(bench))))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
