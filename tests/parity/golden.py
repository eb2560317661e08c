"""Files of stored arrays: what is in them, and what was left out of the small ones that are kept here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tests.parity.figures import Tolerance, Unknown
from tests.parity.settings import Settings

GOLDEN = Path(__file__).parents[1] / "golden"
STATE = "state_source", "state_target"
"""What small files keep of a walk so that it can go on from there."""
ARRAYS = "*.safetensors"


@dataclass(frozen=True)
class Thin:
    """What was kept of an array: some entries of its first axis, every so many cells of a latent."""

    at: tuple[int, ...] | None = None
    cells: int = 1
    same: tuple[str, str, int] | None = None
    """The file, the array and the entry's place there (-1: all), where it is kept already."""


@dataclass
class Golden:
    """The stored arrays of one run of other code, with its settings."""

    file: Path
    arrays: Mapping[str, Tensor]
    meta: Mapping[str, str]
    settings: Settings
    tolerance: Tolerance
    thin: Mapping[str, Thin] = field(default_factory=dict[str, Thin])
    touched: set[str] = field(default_factory=set[str])
    """Arrays somebody looked at: one that nobody did was not compared."""

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.file.stem

    @property
    def method(self) -> str:
        """What made the arrays."""
        return self.meta["method"]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    def __getitem__(self, name: str) -> Tensor:
        if name not in self.arrays:
            raise Unknown(f"the file has no array {name!r}")
        self.touched.add(name)
        return self.arrays[name]

    def cells(self, name: str) -> int:
        """1, or 4 where every fourth cell was kept."""
        return self.thin.get(name, Thin()).cells

    def places(self, name: str) -> tuple[int, ...]:
        """Which entries of the first axis were kept."""
        at = self.thin.get(name, Thin()).at
        return tuple(range(len(self.arrays[name]))) if at is None else at

    def entries(self, name: str) -> Iterator[tuple[int, Tensor]]:
        """The kept entries of an array, each with its place in the whole one."""
        return zip(self.places(name), self[name], strict=True)

    def entry(self, name: str, k: int) -> Tensor:
        """One entry of a list of latents, with a leading axis of one.

        Raises:
            Unknown: it was not kept, or not all of its cells.
        """
        if k not in self.places(name) or self.cells(name) != 1:
            raise Unknown(f"entry {k} of {name!r} was not kept whole")
        place = self.places(name).index(k)
        return self[name][place : place + 1]

    def state(self) -> tuple[int, Tensor] | None:
        """A kept step and both rows after it, whole, from where a walk can go on; nothing without one."""
        if STATE[0] in self:
            return self.places(STATE[0])[0], torch.cat([self[name] for name in STATE])
        kept = self.numbers("kept_steps")
        if len(kept) < 2 or self.cells("edited_steps") != 1 or len(self["edited_steps"]) < len(kept):
            return None
        return kept[-2], self["edited_steps"][-2]

    def numbers(self, name: str) -> list[int]:
        """A stored list of whole numbers."""
        return [int(value) for value in self[name]]

    @staticmethod
    def load(file: str | Path) -> "Golden":
        """A file, or the one of that name in ``tests/golden``.

        Raises:
            Unknown: it cannot be read, or does not say what it is.
        """
        path = GOLDEN / f"{file}.safetensors" if isinstance(file, str) else file
        try:
            with safe_open(path, "pt") as opened:  # pyright: ignore[reportUnknownVariableType]
                meta = cast("dict[str, str]", opened.metadata() or {})  # pyright: ignore[reportUnknownMemberType]
                names = cast("list[str]", list(opened.keys()))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
                arrays = {k: cast(Tensor, opened.get_tensor(k)) for k in names}  # pyright: ignore[reportUnknownMemberType]
            settings, thin = json.loads(meta["settings"]), _thin(json.loads(meta.get("thinned", "{}")))
            stated, _ = meta["tolerance"], meta["method"]
            for name, how in thin.items():
                if how.same is not None:
                    arrays[name] = _elsewhere(path, *how.same)
        except KeyError as error:
            raise Unknown(f"the file says nothing of its {error.args[0]}") from error
        except (OSError, SafetensorError, ValueError) as error:
            raise Unknown(f"the file cannot be read ({type(error).__name__})") from error
        return Golden(path, arrays, meta, Settings(settings), Tolerance.read(stated, arrays), thin)


def _thin(said: Mapping[str, Any]) -> dict[str, Thin]:
    found = dict[str, Thin]()
    for name, how in said.items():
        at, same = how.get("at"), how.get("same")
        own = None if same is None else (str(same[0]), str(same[1]), int(same[2]))
        found[name] = Thin(None if at is None else tuple(at), how.get("cells", 1), own)
    return found


def _elsewhere(path: Path, file: str, name: str, place: int) -> Tensor:
    """An entry of an array in another file beside this one, or all of it."""
    with safe_open(path.with_stem(file), "pt") as opened:  # pyright: ignore[reportUnknownVariableType]
        array = cast(Tensor, opened.get_tensor(name))  # pyright: ignore[reportUnknownMemberType]
    return array if place < 0 else array[place : place + 1]
