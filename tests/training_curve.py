"""Draw how the shipped denoiser learned: ``python -m tests.training_curve FILE.png``.

From the log that lies beside the weights, over all trainings after each other: above the loss, below the
share of 64 held-out captions of one thing (blue) and of two (orange) whose picture the judge reads as it was
asked for. It is no test: nothing here is collected by pytest.
"""

import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from overpaint.train.curve import HELD, LOSS, Line, drawing
from overpaint.train.stages import SHIPPED

WAYS = {"all_1": (LOSS, "one thing: all as asked for"), "all_2": (HELD, "two things: all as asked for")}


def trainings(log: Any) -> list[Any]:
    """The runs that led to the weights, the oldest first."""
    return [*(trainings(log["before"]) if "before" in log else []), log]


def main(place: Path) -> None:
    """The loss of the denoising alone, and what its pictures are worth, over the samples it has seen."""
    losses: list[tuple[float, float]] = []
    shares: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    seen = 0
    for run in trainings(json.loads((SHIPPED / "LOG.json").read_text())["stages"]["unet"]):
        losses += [(seen + line["samples"], line["plain"]) for line in run["losses"]]
        for look in run["figures"]:
            for way, points in shares.items():
                points.append((seen + look["samples"], look["figures"][way]))
        seen += max(line["samples"] for line in (*run["losses"], *run["figures"]))
    above = drawing([Line(losses, LOSS, "loss (samples seen)")])
    below = drawing([Line(shares[way], *how) for way, how in WAYS.items()], logarithmic=False)
    both = Image.new("RGB", (above.width, above.height + below.height), "white")
    both.paste(above, (0, 0))
    both.paste(below, (0, above.height))
    both.save(place)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
