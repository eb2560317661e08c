"""Which pictures Still Life knows: what its figures are on scenes it was not trained on.

``python -m overpaint.stilllife.known`` writes it into the shipped model's folder; the trainer's stage
``known`` does so for a model that was trained anew.
"""

from collections.abc import Iterator
from pathlib import Path

from overpaint.families.known import FILE
from overpaint.files import atomic
from overpaint.network import Pixels
from overpaint.run.known import learned
from overpaint.run.loading import load
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, sample

COUNT = 300
FIRST = 70_000_000
"""Seed of the first scene, far from those of training and of the benchmark."""


def pictures(count: int = COUNT, first: int = FIRST) -> Iterator[Pixels]:
    """Drawn scenes, one at a time."""
    for seed in range(first, first + count):
        yield render([sample(seed)], FRAME) * 2 - 1


def write(folder: Path, count: int = COUNT) -> Path:
    """Look at so many drawn pictures with the model in a folder, and keep what came out there."""
    known = learned(load(str(folder), dtype="float32", device="cpu"), pictures(count))
    atomic.write(folder / FILE, (known.model_dump_json(indent=1) + "\n").encode())
    return folder / FILE


if __name__ == "__main__":
    print(write(Path(__file__).parent / "model"))
