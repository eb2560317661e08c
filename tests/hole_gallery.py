"""GLIDE's ways of guidance side by side: ``python -m tests.hole_gallery FILE.png [FOLDER]``.

Draws the first cases of ``python -m overpaint.train.guidance``, whatever they look like: the picture with the
hole over a thing, what each setting that all of them were given put there, the true answer. Pictures are
those that the comparison kept in FOLDER. It is no test: nothing here is collected by pytest.
"""

import sys
from pathlib import Path

import torch

from overpaint.images import Picture, from_tensor, load_picture, save_picture
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.filling import Case, cases
from overpaint.train.guidance import SETTINGS, kept_at
from tests.cells import sheet_of

COUNT, CELL = 4, 160
FOLDER = Path("runs/guidance")
GREY = 0.0


def line(case: Case, number: int, names: list[str], folder: Path) -> list[tuple[Picture, str]]:
    """The cells of a case with what stands below them."""
    before, after = (render([one], FRAME) * 2 - 1 for one in (case.scene, case.wanted))
    hole = torch.where(case.mask, GREY, before)
    made = [(load_picture(kept_at(folder, number, name)), name) for name in names]
    asked = f"asked for: {case.thing.colour} {case.thing.kind}"
    return [(from_tensor(hole), asked), *made, (from_tensor(after), "true answer")]


def drawn(folder: Path) -> Picture:
    """The sheet."""
    some = cases(COUNT)
    names = [name for name in SETTINGS if all(kept_at(folder, k, name).exists() for k in range(COUNT))]
    cells = [cell for k, case in enumerate(some) for cell in line(case, k, names, folder)]
    return sheet_of(cells, len(names) + 2, CELL)


if __name__ == "__main__":
    place, *home = map(Path, sys.argv[1:])
    save_picture(drawn(*home or [FOLDER]), place, {}, overwrite=True)
