"""Comparing with arrays that other code produced: a small checkpoint, the arrays, and a table of differences.

``python -m tests.parity`` runs every test called parity and prints what was measured beside the tolerance.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from subprocess import run
from tempfile import TemporaryDirectory
from typing import Any, cast

import torch
from safetensors import safe_open
from torch import Tensor

from overpaint.model import Model
from overpaint.run.loading import load

GOLDEN = Path(__file__).parent / "golden"
RECORD = "OVERPAINT_PARITY_RECORD"
"""Names the file to which `compare` appends what it measured, if anyone asks for it."""


@cache
def _loaded() -> Model:
    return load(str(GOLDEN / "tiny-sd"), torch.float32, "cpu")


def golden_model() -> Model:
    """The checkpoint that the stored arrays were made with: SD 1 shaped, 64 x 64 latents, schedule offset 1.

    The weights are shared between calls; meter, controls and sides are fresh.
    """
    base = _loaded()
    return Model(base.net, base.family, name=base.name, home=base.home)


@dataclass(frozen=True)
class Golden:
    """The stored arrays of one run of other code, with its settings."""

    name: str
    arrays: Mapping[str, Tensor]
    settings: Mapping[str, Any]
    tolerance: str
    """As stated by those who made the arrays."""

    def __getitem__(self, name: str) -> Tensor:
        return self.arrays[name]

    def numbers(self, name: str) -> list[int]:
        """A stored list of whole numbers."""
        return [int(value) for value in self.arrays[name]]

    @staticmethod
    def load(name: str) -> "Golden":
        """The file of that name in ``tests/golden``, without its ending."""
        with safe_open(GOLDEN / f"{name}.safetensors", "pt") as file:  # pyright: ignore[reportUnknownVariableType]
            meta = cast("dict[str, str]", file.metadata())  # pyright: ignore[reportUnknownMemberType]
            names = cast("list[str]", list(file.keys()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            arrays = {k: cast(Tensor, file.get_tensor(k)) for k in names}  # pyright: ignore[reportUnknownMemberType]
        return Golden(name, arrays, json.loads(meta["settings"]), meta["tolerance"])


def difference(mine: Tensor, stored: Tensor) -> float:
    """The largest difference as a share of the largest stored value."""
    assert mine.shape == stored.shape, f"{tuple(mine.shape)} is not {tuple(stored.shape)}"
    return float((mine.double() - stored.double()).abs().max() / stored.double().abs().max())


def outliers(mine: Tensor, stored: Tensor, tolerance: float) -> float:
    """The share of elements that differ by more than ``tolerance`` times the largest stored value."""
    assert mine.shape == stored.shape, f"{tuple(mine.shape)} is not {tuple(stored.shape)}"
    far = (mine.double() - stored.double()).abs() > tolerance * stored.double().abs().max()
    return float(far.double().mean())


def compare(
    file: str, what: str, mine: Tensor, stored: Tensor, tolerance: float, allowed: float = 0.0
) -> None:
    """Assert the stated tolerance and record the figure; ``allowed`` is the share of elements beyond it.

    Of latents that are only compared, every second cell of either side was stored.
    """
    if mine.shape[-2:] == (64, 64) and stored.shape[-2:] == (32, 32):
        mine = mine[..., ::2, ::2]
    measured = difference(mine, stored)
    share = outliers(mine, stored, tolerance)
    _record({"file": file, "what": what, "tolerance": tolerance, "measured": measured, "outliers": share})
    assert share <= allowed, f"{file}: {what} differs by {measured:.1e}, more than {tolerance:.0e} allows"


def _record(row: Mapping[str, Any]) -> None:
    if RECORD in os.environ:
        with Path(os.environ[RECORD]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def table(every_step: bool = False) -> str:
    """Run the comparisons and lay them out: file, array, tolerance, measured difference, outliers."""
    marks = "not slow and not gpu and not weights" + ("" if every_step else " and not every_step")
    with TemporaryDirectory() as folder:
        record = Path(folder) / "record.jsonl"
        wish = ["-q", "-m", marks, "-k", "parity", str(Path(__file__).parent)]
        run([sys.executable, "-m", "pytest", *wish], env={**os.environ, RECORD: str(record)}, check=False)
        rows = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    lines = ["| file | array | tolerance | measured | beyond it |", "|---|---|---|---|---|"]
    for r in sorted(rows, key=lambda r: (r["file"], r["what"])):
        beyond = f"{r['outliers']:.2%}"
        lines.append(f"| {r['file']} | {r['what']} | {r['tolerance']:.0e} | {r['measured']:.1e} | {beyond} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table("--every-step" in sys.argv))
