"""What SpaText makes of regions: ``python -m tests.region_gallery FILE.png FOLDER [STEPS]``.

Draws the first held-out cases by the network that ``overpaint train still-life`` made in FOLDER, whatever
they look like: the regions with what each was told, the picture by vectors of the true picture (oracle), of
the prior and of the words as they are, the true picture. It is no test: nothing here is collected by pytest.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from overpaint.images import Picture, from_tensor, save_picture
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME
from overpaint.train.regions import Regions
from overpaint.train.stages import Trainer
from overpaint.train.telling import Case, How, cases, seen
from tests.cells import sheet_of

COUNT, CELL, STEPS = 4, 160, 25
WAYS: tuple[How, ...] = ("oracle", "prior", "text")
TITLES = {"oracle": "by the true picture", "prior": "by words, prior", "text": "by words as they are"}
SHADES = ((0.2, 0.45, 0.8), (0.9, 0.55, 0.1), (0.3, 0.65, 0.35))
PAPER = 0.93


def painted(masks: Tensor) -> Picture:
    """Regions as fields of colour."""
    paper = torch.full((1, 3, *masks.shape[-2:]), PAPER)
    for mask, shade in zip(masks, SHADES, strict=True):
        paper = torch.where(mask, torch.tensor(shade)[:, None, None], paper)
    return from_tensor(paper * 2 - 1)


def drawn(folder: Path, steps: int) -> Picture:
    """The sheet."""
    some, device = cases(COUNT), torch.device("cpu")
    teller = Regions(Trainer(folder, "cpu", device)).teller()
    made = {how: teller.drawn(some, how, steps=steps) for how in WAYS}
    true, masks = render([one.scene for one in some], FRAME), seen(some)
    cells = list[tuple[Picture, str]]()
    for k, one in enumerate(some):
        cells.append((painted(masks[k]), told(one)))
        cells += [(from_tensor(made[how][k : k + 1] * 2 - 1), TITLES[how]) for how in WAYS]
        cells.append((from_tensor(true[k : k + 1] * 2 - 1), "true picture"))
    return sheet_of(cells, len(WAYS) + 2, CELL)


def told(case: Case) -> str:
    """What the regions are told, left to right as they are listed, and the prompt."""
    return f"{'; '.join(case.words)}. {case.text}"


if __name__ == "__main__":
    place, home, *more = sys.argv[1:]
    save_picture(drawn(Path(home), int(more[0]) if more else STEPS), Path(place), {}, overwrite=True)
