"""Classifier-free guidance against guidance by a noise-aware CLIP, on holes in held-out pictures.

``python -m overpaint.train.guidance [COUNT]`` edits each case with each setting of `glide` on the shipped
inpainting network, has the judge read the results, and prints the table of the documentation.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from overpaint.api import edit
from overpaint.images import from_tensor, save_picture, to_tensor
from overpaint.model import Model
from overpaint.run.loading import load
from overpaint.stilllife import judge as judging
from overpaint.stilllife.captions import describe
from overpaint.stilllife.judge import Judge, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.filling import Case, cases, marks_of

STEPS = 50
SHOWN = ("thing", "kind", "colour", "rest", "all")
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "no guidance": {"guidance": 1.0},
    "classifier-free, 2": {"guidance": 2.0},
    "classifier-free, 3": {"guidance": 3.0},
    "classifier-free, 5": {"guidance": 5.0},
    "CLIP, 1": {"guidance": 1.0, "strength": 1.0},
    "CLIP, 3": {"guidance": 1.0, "strength": 3.0},
    "CLIP, 10": {"guidance": 1.0, "strength": 10.0},
    "both, 3 and 1": {"guidance": 3.0, "strength": 1.0},
}
"""What is compared; 3 is what suits the network, and what the authors give CLIP."""


@dataclass(frozen=True)
class Row:
    """A setting and what came of it."""

    name: str
    marks: Mapping[str, float]
    rows: float
    seconds: float
    """A picture."""


def measured(
    model: Model, judge: Judge, some: Sequence[Case], options: Mapping[str, Any], keep: Path | None = None
) -> tuple[Mapping[str, float], float, float]:
    """Shares of the cases with each mark, rows and seconds an edit; results are kept in a folder."""
    every: list[dict[str, bool]] = []
    rows, began = 0, perf_counter()
    for k, one in enumerate(some):
        source = from_tensor(render([one.scene], FRAME) * 2 - 1)
        mask = one.mask.numpy().astype(np.uint8) * np.uint8(255)
        said = {"source": describe(one.scene).text, "target": one.text, "mask": mask}
        made = edit(source, method="glide", model=model, steps=STEPS, look=False, **said, **options)
        rows += made.figures.rows
        if keep is not None:
            save_picture(made.picture, keep / f"{k:03}.png", {}, overwrite=True)
        (seen,) = judge.read((to_tensor(made.picture) + 1) / 2)
        every.append(marks_of(one, seen.things, score(seen, one.wanted, placed=True)))
    shares = {name: sum(mark[name] for mark in every) / len(every) for name in every[0]}
    return shares, rows / len(some), (perf_counter() - began) / len(some)


def compared(count: int, names: Sequence[str] = tuple(SETTINGS), keep: Path | None = None) -> Iterator[Row]:
    """The settings one after the other, on the same cases."""
    model, judge, some = load("still-life-inpaint", device="cpu"), judging.load(), cases(count)
    for name in names:
        folder = None if keep is None else keep / name.replace(", ", "-").replace(" ", "-")
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
        yield Row(name, *measured(model, judge, some, SETTINGS[name], folder))


def table(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    head = "| guidance | kind and colour | kind | colour | rest as it was | all | rows | seconds |"
    lines = [
        f"| {row.name} | {' | '.join(shown(row, name) for name in SHOWN)} "
        f"| {row.rows:.0f} | {row.seconds:.1f} |"
        for row in rows
    ]
    return "\n".join([head, "|---|" + "---|" * 7, *lines])


def shown(row: Row, name: str) -> str:
    """A share for people."""
    return f"{row.marks[name]:.0%}"


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    print(table(list(compared(wanted))))
