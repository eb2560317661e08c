"""The small checkpoint that the stored arrays were made with."""

from functools import cache
from pathlib import Path

import torch

from overpaint.model import Model
from overpaint.run.loading import load
from tests.parity.golden import GOLDEN

NETWORK = "tiny-sd"


@cache
def _loaded(folder: Path, dtype: torch.dtype) -> Model:
    return load(str(folder), dtype, "cpu")


def golden_model(beside: Path | None = None, dtype: torch.dtype = torch.float32) -> Model:
    """SD 1 shaped, schedule offset 1: the checkpoint beside a file, else the one kept here.

    The weights are shared between calls; meter, controls and sides are fresh.
    """
    own = None if beside is None else beside.parent / NETWORK
    base = _loaded(own if own is not None and own.is_dir() else GOLDEN / NETWORK, dtype)
    return Model(base.net, base.family, name=base.name, home=base.home, dtype=base.dtype)
