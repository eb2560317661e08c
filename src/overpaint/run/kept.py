"""Models that were named rather than loaded: each is loaded once and kept, a few at a time."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

import torch

from overpaint.errors import OutOfMemory
from overpaint.families.locate import place_of
from overpaint.files.provenance import Origin
from overpaint.files.weightfile import base_of
from overpaint.model import Model
from overpaint.run.loading import load_as
from overpaint.sides.load import KEPT as SIDES

MOST = 2
"""Models that are kept: who compares two in a loop loads each once."""
WEIGHTS = (".safetensors", ".json", ".txt")
"""Suffixes of the files that make up a model."""


@dataclass(frozen=True)
class Wanted:
    """What a model was named as, and the state of all files it is made of."""

    home: Path
    dtype: str | None
    device: str | None
    origin: Origin
    offload: bool
    files: tuple[tuple[str, int, int], ...]


@dataclass
class Kept:
    """The models that were used last, the latest at the end."""

    most: int = MOST
    models: OrderedDict[Wanted, Model] = field(default_factory=OrderedDict[Wanted, Model])
    lock: RLock = field(default_factory=RLock)

    def get(
        self,
        name: str,
        dtype: str | None = None,
        device: str | None = None,
        origin: Origin | None = None,
        offload: bool = False,
        download: bool = False,
    ) -> Model:
        """The model of that name; loaded where it is not here, or where a file of it has changed since.

        Raises:
            UsageError: no such model, or one that cannot be loaded.
            OutOfMemory: it does not fit, also where nothing else is kept.
        """
        origin = origin or Origin()
        home = place_of(name, download).absolute()
        wanted = Wanted(home, dtype, device, origin, offload, _files(home, origin))
        with self.lock:
            if wanted not in self.models:
                self._make_room(wanted)
                self.models[wanted] = self._loaded(name, wanted, download)
            self.models.move_to_end(wanted)
            return self.models[wanted]

    def let_go(self, home: Path | None = None, but: Model | None = None) -> int:
        """Forget all models, or those of one place, or all but one; says how many they were."""
        with self.lock:
            going = [
                wanted
                for wanted, model in self.models.items()
                if (home is None or wanted.home == home) and model is not but
            ]
            for wanted in going:
                del self.models[wanted]
        if going and torch.cuda.is_available():
            torch.cuda.empty_cache()
        return len(going)

    def _make_room(self, wanted: Wanted) -> None:
        """Forget the same model with files that have changed, and the one that was used longest ago."""
        for old in [one for one in self.models if one.home == wanted.home and one.files != wanted.files]:
            del self.models[old]
        while len(self.models) >= self.most:
            self.models.popitem(last=False)

    def _loaded(self, name: str, wanted: Wanted, download: bool) -> Model:
        said = (name, wanted.dtype, wanted.device, wanted.origin, download)
        try:
            return load_as(*said, offload=wanted.offload)
        except OutOfMemory:
            if not self.let_go():
                raise
            return load_as(*said, offload=wanted.offload)


KEPT = Kept()


def unload(name: str | None = None) -> int:
    """Forget the models that were named in calls, or the one of this name, and free their memory.

    A model named in a call (``edit(..., model="name")``) is kept for the next call, the last two at most. One
    that was loaded by ``load`` is yours, and is not among them. Side networks go where all are to go.

    Returns:
        how many were forgotten.

    Raises:
        UsageError: there is no model of that name.
    """
    if name is None:
        SIDES.let_go()
    return KEPT.let_go(None if name is None else place_of(name).absolute())


def _files(home: Path, origin: Origin) -> tuple[tuple[str, int, int], ...]:
    """Size and time of everything a model is made of, so that one that changed on disk is loaded anew."""
    folders = () if home.is_file() else (base_of(home),)
    folders += () if origin.tokenizer is None else (Path(origin.tokenizer),)
    own = [one for folder in folders for one in folder.rglob("*") if one.suffix in WEIGHTS]
    files = sorted({*own, *((home,) if home.is_file() else ()), *(file for file, _ in origin.files)})
    found = ((file, file.stat()) for file in files if file.is_file())
    return tuple((str(file), stat.st_size, stat.st_mtime_ns) for file, stat in found)
