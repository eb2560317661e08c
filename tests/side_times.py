"""What side networks cost: ``python -m tests.side_times`` prints a table.

Every edit is timed beside as many bare rows of the network, called two at a time, in turn and several times;
what counts is the median of their ratios, which other work on the machine hardly changes. Seconds are those
of one processor core, the least of all. It is no test: nothing here is collected by pytest.
"""

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import Any

import torch

from overpaint import Edit, edit, load
from overpaint.model import Model
from overpaint.network import Residuals, together
from overpaint.stilllife.captions import describe
from tests.side_gallery import DAY, drawn

RUNS = 3
PLAIN: dict[str, Any] = {"method": "sdedit", "strength": 0.8}
WAYS: dict[str, dict[str, Any]] = {
    "sdedit": PLAIN,
    "sdedit, canny": {**PLAIN, "control": "canny"},
    "sdedit, segmentation": {**PLAIN, "control": "segmentation"},
    "sdedit, depth": {**PLAIN, "control": "depth"},
    "sdedit, canny and depth": {**PLAIN, "control": ["canny", "depth"]},
    "sdedit, canny and segmentation": {**PLAIN, "control": ["canny", "segmentation"]},
    "cyclenet": {"method": "cyclenet", "source": describe(DAY).text},
}
HEAD = "| edit | rows | side rows | seconds | rows x bare row | ratio |\n|---|---|---|---|---|---|"


def timed(call: Callable[[], object]) -> float:
    """Seconds of processor time."""
    start = process_time()
    call()
    return process_time() - start


def bare(model: Model, rows: int) -> Callable[[], None]:
    """So many rows of the network alone, two a call."""
    x = torch.zeros(2, *model.shape(128, 128)[1:])
    text, t = together([model.family.null()] * 2), torch.tensor([500, 500])

    def call() -> None:
        with torch.no_grad():
            for _ in range(rows // 2):
                model.family.call(model.net, x, t, text, Residuals())

    return call


def line(model: Model, name: str, how: dict[str, Any]) -> str:
    """One way to edit, in turn with as many bare rows."""
    source, target = drawn(DAY), describe(DAY.with_surroundings(time="night")).text

    def once() -> Edit:
        return edit(source, target=target, model=model, **how)

    figures = once().figures
    alone = bare(model, figures.rows)
    pairs = [(timed(once), timed(alone)) for _ in range(RUNS)]
    whole, rows = (min(each) for each in zip(*pairs, strict=True))
    ratio = median(a / b for a, b in pairs)
    return f"| {name} | {figures.rows} | {figures.sides} | {whole:.2f} | {rows:.2f} | {ratio:.2f} |"


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    model = load("still-life", dtype="float32", device="cpu")
    print(HEAD)
    for name, how in WAYS.items():
        print(line(model, name, how), flush=True)


if __name__ == "__main__":
    main()
