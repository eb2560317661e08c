"""What the installed diffusers gave once, kept: a later release that gives something else does not move it.

``python -m tests.oracles`` writes the files anew. Held against them is this package in double precision,
where rounding is the same on every machine.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from torch import Tensor

FOLDER = Path(__file__).parents[1] / "golden" / "diffusers"
CLOSE = 1e-4
"""How far single precision is off, as a share of the largest value."""


def keep(name: str, official: str, arrays: Mapping[str, Tensor]) -> None:
    """Write a file that says what made it."""
    version = cast(Any, import_module("diffusers")).__version__
    FOLDER.mkdir(exist_ok=True)
    told = {"official": f"diffusers {version}: {official}", "made": "python -m tests.oracles"}
    whole = {name: array.detach().float().contiguous() for name, array in arrays.items()}
    cast(Any, import_module("safetensors.torch")).save_file(whole, FOLDER / f"{name}.safetensors", told)


def kept(name: str) -> dict[str, Tensor]:
    """The arrays of a file."""
    return cast(Any, import_module("safetensors.torch")).load_file(FOLDER / f"{name}.safetensors")
