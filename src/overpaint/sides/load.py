"""Side networks by name, each read once and kept, a few at a time."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any

from overpaint.errors import OverpaintError, UsageError
from overpaint.families.load import hushed
from overpaint.model import Model
from overpaint.out_of_memory import roomy, ways_out
from overpaint.sides.controlnet_file import controlnet_of
from overpaint.sides.file import Kind, SideFile
from overpaint.sides.net import Net
from overpaint.sides.style_file import style_of
from overpaint.sides.t2i_file import adapter_of

MOST = 4
"""Side networks that are kept: those of a few edits one after the other."""
_READERS: Mapping[Kind, Callable[[SideFile, Model], Net]] = {
    "controlnet": controlnet_of,
    "t2i-adapter": adapter_of,
    "style-adapter": style_of,
}


@dataclass
class Kept:
    """The networks that were used last, the latest at the end."""

    nets: OrderedDict[Any, Net] = field(default_factory=OrderedDict[Any, Net])
    lock: RLock = field(default_factory=RLock)

    def get(self, file: SideFile, model: Model) -> Net:
        """The network of a file for a model, read where it is not here or has changed on disk."""
        state = tuple((str(one), one.stat().st_size, one.stat().st_mtime_ns) for one in file.files)
        like = repr(sorted(dict(getattr(model.net, "config", {})).items(), key=str))
        base = [model.fingerprint, *(one.fingerprint for one in model.patches)] if file.small else []
        key = (state, str(file.config), like, model.family.factor, model.device, model.dtype, *base)
        with self.lock:
            if key not in self.nets:
                while len(self.nets) >= MOST:
                    self.nets.popitem(last=False)
                self.nets[key] = _read(file, model)
            self.nets.move_to_end(key)
            return self.nets[key]

    def let_go(self) -> None:
        """Forget all of them."""
        with self.lock:
            self.nets.clear()


KEPT = Kept()


def side_net(name: str | Path, model: Model) -> Net:
    """The side network in a file or a folder, for a model.

    Raises:
        UsageError: there is none, or it belongs to another kind of model.
        OutOfMemory: it does not fit on the device.
    """
    return KEPT.get(SideFile.of(name), model)


def _read(file: SideFile, model: Model) -> Net:
    full = f"The side network {file.place} does not fit into the memory of the device {model.device}"
    try:
        with roomy(full, ways_out(model.device, model.dtype, model.offload)), hushed():
            return _READERS[file.kind](file, model)
    except OverpaintError:
        raise
    except Exception as error:  # whatever a library says of somebody's files
        raise UsageError(
            f"The side network {file.place} cannot be read: its settings and its weights do not belong "
            "together; get it again."
        ) from error
