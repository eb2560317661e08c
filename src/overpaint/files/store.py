"""Tensors on disk by the content of everything they depend on: inversions, and whatever was learned."""

import json
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Protocol, runtime_checkable

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from overpaint.files import atomic
from overpaint.files.caches import default_folder
from overpaint.files.fingerprint import tensor_hash

FORMAT = "4"
"""Changed whenever what is stored means something else; older files are then found anew."""
CAP = 2 * 10**9
PATIENCE = 9.0
"""Units of work for every unit of writing drafts."""
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError)
"""What reading a file that is not whole ends with."""
Stored = tuple[dict[str, Tensor], dict[str, str]]
"""Tensors by name, and words about them."""


@runtime_checkable
class Draft(Protocol):
    """Where long work keeps what it has found so far, so that a kill loses little of it."""

    def read(self) -> Mapping[str, Tensor]:
        """What an earlier run of the same work left; empty if there was none."""
        ...

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Replace it; may be left out where writing would take a large share of the time."""
        ...


class NoDraft:
    """For work whose result is not kept either."""

    def read(self) -> Mapping[str, Tensor]:
        """Nothing."""
        return {}

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Forget it."""


@dataclass
class Store:
    """Files of tensors in one folder.

    Each is written beside its place and moved there whole: any number of processes may share a folder. A
    file that is damaged or of another format is replaced. A folder that cannot be written to costs a
    warning, once, and the work goes on.
    """

    folder: FilePath = field(default_factory=default_folder)
    cap: int = CAP
    """Bytes; the files not looked at for longest go first."""
    loses: str = (
        "Inversions cannot be kept in {}, so a second edit of the picture will take as long as the first"
    )
    """What is said where nothing can be written; the folder and the reason stand in the braces."""
    warned: bool = field(default=False, init=False)

    def fetch(self, name: str, make: Callable[["StoredDraft"], Stored], device: torch.device) -> Stored:
        """What is stored under a name, or made now and stored; the draft survives a kill in between."""
        found, draft = self.read(name, device), StoredDraft(self, name, device)
        if found is None:
            found = make(draft)
            data = sealed({key: t.cpu().contiguous() for key, t in found[0].items()}, found[1])
            if not self.write(name, data):
                return found  # the draft, if it could be written once, is all that is left of the work
        draft.drop()
        return found

    def file(self, name: str) -> FilePath:
        """Where something of that name lies."""
        return self.folder / f"{name}.safetensors"

    def read(self, name: str, device: torch.device) -> Stored | None:
        """What is stored under a name; nothing where there is nothing that is whole."""
        try:
            tensors, meta = opened(self.file(name).read_bytes())
        except DAMAGED:
            return None
        with suppress(OSError):
            os.utime(self.file(name))
        return {key: t.to(device) for key, t in tensors.items()}, meta

    def write(self, name: str, data: bytes) -> bool:
        """Keep a file, if there is room for it and the folder lets it; whether that was so."""
        if len(data) > self.cap:
            return False
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._evict(self.cap - len(data))
            atomic.write(self.file(name), data)
        except OSError as error:
            self._warn(error)
            return False
        return True

    def _evict(self, room: int) -> None:
        """Make room; another process may be doing the same."""
        atomic.sweep(self.folder)
        files: list[tuple[float, int, FilePath]] = []
        for file in self.folder.glob("*.safetensors"):
            with suppress(OSError):
                files.append((file.stat().st_mtime, file.stat().st_size, file))
        total = sum(size for _, size, _ in files)
        for _, size, file in sorted(files):
            if total <= room:
                break
            file.unlink(missing_ok=True)
            total -= size

    def _warn(self, error: OSError) -> None:
        if not self.warned:
            self.warned = True
            reason = error.strerror or type(error).__name__
            warnings.warn(
                f"{self.loses.format(f'{self.folder} ({reason})')}; set OVERPAINT_CACHE to a folder with "
                "room.",
                stacklevel=1,  # so that it can be told from the warnings of libraries
            )


@dataclass
class StoredDraft:
    """What long work has found so far, in a file beside those of finished ones.

    Files are written whole, so at most a tenth of the time goes into them: after a write that took a second,
    the next nine are for the work.
    """

    store: Store
    name: str
    device: torch.device
    ready: float = 0.0
    """When it may be written again."""

    @property
    def title(self) -> str:
        """What the draft is called in the store."""
        return f"{self.name}.draft"

    def read(self) -> dict[str, Tensor]:
        """What a killed run left: nothing if it is damaged or of another format."""
        try:
            found, _ = opened(self.store.file(self.title).read_bytes())
        except DAMAGED:
            return {}
        return {name: t.to(self.device) for name, t in found.items()}

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Write it down, unless that was done a moment ago."""
        began = time.monotonic()
        if began < self.ready:
            return
        self.store.write(self.title, sealed({name: t.cpu().clone() for name, t in found.items()}, {}))
        self.ready = time.monotonic() + PATIENCE * (time.monotonic() - began)

    def drop(self) -> None:
        """Remove it: the whole is there."""
        with suppress(OSError):
            self.store.file(self.title).unlink(missing_ok=True)


def sealed(tensors: dict[str, Tensor], meta: dict[str, str]) -> bytes:
    """Tensors as the bytes of a safetensors file, with a hash to tell whether they stayed the same."""
    return save(tensors, {"format": FORMAT, **meta, "hash": _hash(tensors, meta)})


def opened(data: bytes) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What `sealed` was given.

    Raises:
        ValueError: the bytes are not what was written, or of another format.
    """
    meta = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]
    seal, form = meta.pop("hash"), meta.pop("format")
    tensors = load(data)
    if form != FORMAT or seal != _hash(tensors, meta):
        raise ValueError("not what was written")
    return tensors, meta


def _hash(tensors: dict[str, Tensor], meta: dict[str, str]) -> str:
    names = sorted(tensors)
    said = json.dumps([meta, names], sort_keys=True)
    return sha256(f"{said}{tensor_hash(*(tensors[name] for name in names))}".encode()).hexdigest()
