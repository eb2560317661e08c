"""What side networks cost: ``python -m tests.side_times`` prints a table.

Seconds are those of one processor core that the edit itself kept busy, the least of several runs; they are
held against the rows times what a row of the bare network takes in a call of two. It is no test: nothing here
is collected by pytest.
"""

from collections.abc import Callable
from time import process_time
from typing import Any

import torch

from overpaint import Edit, edit, load
from overpaint.model import Model
from overpaint.network import Residuals
from overpaint.stilllife.captions import describe
from tests.side_gallery import DAY, drawn

RUNS = 3
WAYS: dict[str, dict[str, Any]] = {
    "sdedit": {},
    "sdedit, canny": {"control": "canny"},
    "sdedit, segmentation": {"control": "segmentation"},
    "sdedit, depth": {"control": "depth"},
    "sdedit, all three": {"control": ["canny", "segmentation", "depth"]},
}
HEAD = "| edit | rows | side rows | seconds | rows x bare row | ratio |\n|---|---|---|---|---|---|"


def least(call: Callable[[], object], runs: int = RUNS) -> float:
    """Seconds of processor time, the least of several runs after one that warms up."""
    found = list[float]()
    for _ in range(runs + 1):
        start = process_time()
        call()
        found.append(process_time() - start)
    return min(found[1:])


def bare_row(model: Model) -> float:
    """Seconds for a row of the network alone, in a call of two."""
    x = torch.zeros(2, *model.shape(128, 128)[1:])
    null = model.family.null()
    text = type(null)(torch.cat([null.states] * 2))
    with torch.no_grad():
        return (
            least(lambda: model.family.call(model.net, x, torch.tensor([500, 500]), text, Residuals()), 20)
            / 2
        )


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    model = load("still-life", dtype="float32", device="cpu")
    row, source = bare_row(model), drawn(DAY)
    target = describe(DAY.with_surroundings(time="night")).text
    print(f"A bare row takes {1000 * row:.1f} ms.\n\n{HEAD}")
    for name, how in WAYS.items():
        done = list[Edit]()

        def once(how: dict[str, Any] = how, done: list[Edit] = done) -> None:
            done.append(edit(source, target=target, model=model, method="sdedit", strength=0.8, **how))

        seconds, figures = least(once), done[-1].figures
        bare = figures.rows * row
        told = f"{figures.rows} | {figures.sides} | {seconds:.2f} | {bare:.2f} | {seconds / bare:.2f}"
        print(f"| {name} | {told} |")


if __name__ == "__main__":
    main()
