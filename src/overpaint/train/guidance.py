"""Classifier-free guidance against guidance by a noise-aware CLIP, on holes in held-out pictures.

``python -m overpaint.train.guidance [COUNT] [FOLDER]`` edits each case with each setting of `glide` on the
shipped inpainting network, has the judge read the results, and prints the table of the documentation. What
was measured is kept in the folder line by line; the same command goes on from there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from overpaint.api import edit
from overpaint.files import atomic
from overpaint.images import from_tensor, save_picture, to_tensor
from overpaint.model import Model
from overpaint.run.loading import load
from overpaint.stilllife import judge as judging
from overpaint.stilllife.captions import describe
from overpaint.stilllife.judge import Judge, score
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.assemble import read_log
from overpaint.train.filling import Case, cases, marks_of

STEPS = 25
SHOWN = ("thing", "kind", "colour", "rest", "all")
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "none": {"guidance": 1.0},
    "classifier-free, 3": {"guidance": 3.0},
    "classifier-free, 5": {"guidance": 5.0},
    "CLIP, 1": {"guidance": 1.0, "strength": 1.0},
    "CLIP, 3": {"guidance": 1.0, "strength": 3.0},
    "CLIP, 10": {"guidance": 1.0, "strength": 10.0},
    "both, 3 and 1": {"guidance": 3.0, "strength": 1.0},
}
"""What is compared; 3 is what suits the network, and what the authors give CLIP."""
LINES = "guidance.jsonl"
"""What was measured, in the folder: a line for a case and a setting."""


@dataclass(frozen=True)
class Row:
    """A setting and what came of it in some cases: shares with each mark, rows and seconds a picture."""

    name: str
    count: int
    marks: Mapping[str, float]
    rows: float
    seconds: float


def measured(model: Model, judge: Judge, one: Case, name: str, picture: Path) -> dict[str, Any]:
    """What a setting makes of a case: its marks, rows and seconds; the picture is kept."""
    began = perf_counter()
    source = from_tensor(render([one.scene], FRAME) * 2 - 1)
    mask = one.mask.numpy().astype(np.uint8) * np.uint8(255)
    said = {"source": describe(one.scene).text, "target": one.text, "mask": mask, "look": False}
    made = edit(source, method="glide", model=model, steps=STEPS, **said, **SETTINGS[name])
    seconds = round(perf_counter() - began, 3)
    save_picture(made.picture, picture, {}, overwrite=True)
    (seen,) = judge.read((to_tensor(made.picture) + 1) / 2)
    marks = marks_of(one, seen.things, score(seen, one.wanted, placed=True))
    return {"marks": marks, "rows": made.figures.rows, "seconds": seconds}


def compared(count: int, home: Path, names: Sequence[str] = tuple(SETTINGS)) -> Generator[dict[str, Any]]:
    """Case by case what each setting makes of it; what the folder has is not made again."""
    home.mkdir(parents=True, exist_ok=True)
    lines = home / LINES
    there = read_log(lines) if lines.is_file() else []
    done = {(line["case"], line["setting"]) for line in there}
    model, judge, some = load("still-life-inpaint", device="cpu"), judging.load(), cases(count)
    yield from (line for line in there if line["case"] < count and line["setting"] in names)
    for k, one in enumerate(some):
        for name in names:
            if (k, name) in done:
                continue
            line = {"case": k, "setting": name, **measured(model, judge, one, name, kept_at(home, k, name))}
            atomic.append(lines, json.dumps(line))
            yield line


def kept_at(home: Path, case: int, name: str) -> Path:
    """Where the picture of a case and a setting is kept."""
    return home / f"{case:03}-{name.replace(', ', '-').replace(' ', '-')}.png"


def rows_of(lines: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Each setting over the cases that all of them were given."""
    names = list(dict.fromkeys(line["setting"] for line in lines))
    given = [{line["case"] for line in lines if line["setting"] == name} for name in names]
    every = set[int].intersection(*given) if given else set[int]()
    found = list[Row]()
    for name in names:
        own = [line for line in lines if line["setting"] == name and line["case"] in every]
        shares = {mark: _mean([line["marks"][mark] for line in own]) for mark in SHOWN}
        cost = (_mean([line[what] for line in own]) for what in ("rows", "seconds"))
        found.append(Row(name, len(own), shares, *cost))
    return found


def table(rows: Sequence[Row]) -> str:
    """The table in Markdown."""
    head = "| guidance | kind and colour | kind | colour | rest as it was | all | rows |"
    lines = [
        f"| {row.name} | {' | '.join(f'{row.marks[name]:.0%}' for name in SHOWN)} | {row.rows:.0f} |"
        for row in rows
    ]
    return "\n".join([head, "|---|" + "---|" * 6, *lines])


def _mean(values: Sequence[float | int]) -> float:
    return sum(values) / max(1, len(values))


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "runs/guidance")
    found = rows_of(list(compared(wanted, folder)))
    print(f"{found[0].count} cases, {STEPS} steps\n\n{table(found)}")
