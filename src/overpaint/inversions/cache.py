"""Inversions on disk: what one edit found, the next edit of the same picture need not look for."""

import json
import os
import sys
import time
import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from hashlib import sha256
from pathlib import Path as FilePath

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from overpaint.files import atomic
from overpaint.files.fingerprint import tensor_hash
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion
from overpaint.inversions.cache_key import FORMAT, key, touched
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Model
from overpaint.noise import Draws, Noise
from overpaint.path import Latent, Path

CAP = 2 * 10**9
PATIENCE = 9.0
"""Units of work for every unit of writing drafts."""
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError)
"""What reading a file that is not whole ends with."""


def default_folder() -> FilePath:
    """The folder ``inversions`` in ``$OVERPAINT_CACHE``, or else in the place for caches on this system."""
    if given := os.environ.get("OVERPAINT_CACHE"):
        return FilePath(given).expanduser() / "inversions"
    if sys.platform == "darwin":
        base = FilePath.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = FilePath(os.environ.get("LOCALAPPDATA") or FilePath.home() / "AppData" / "Local")
    else:
        base = FilePath(os.environ.get("XDG_CACHE_HOME") or FilePath.home() / ".cache")
    return base / "overpaint" / "inversions"


@dataclass
class Cache:
    """Trajectories by the content of everything they depend on, so that nothing has to be forgotten by hand.

    One file each, written beside its place and moved there whole: any number of processes may share a folder.
    A file that is damaged or of another format is replaced. A folder that cannot be written to costs a
    warning, once, and the edit goes on. Files hold latents of the pictures that were edited.
    """

    folder: FilePath = field(default_factory=default_folder)
    cap: int = CAP
    """Bytes; the files not looked at for longest go first."""
    warned: bool = field(default=False, init=False)

    def fetch(
        self, inversion: Inversion, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws
    ) -> Trajectory:
        """The trajectory from disk, or found now and kept; equal to the bit either way.

        What costs no network call is not kept, nor what depends on something that has no content to be known
        by: side networks, learned patches and attention controls that act in it, or draws that are not a
        seed's.
        """
        seeded = not inversion.random or isinstance(noise, Noise)
        changed = model.sides or model.patches or touched(inversion, model, path, x0)
        if changed or not seeded or not inversion.cost(len(path)).rows[1]:
            return inversion.run(model, path, x0, guide, noise)
        name = key(inversion, model, path, x0, guide, noise)
        found, draft = self._read(name, x0.device), CachedDraft(self, name, x0.device)
        if found is None:
            found = inversion.resume(model, path, x0, guide, noise, draft)
            self.write(name, packed(found))
        draft.drop()
        return found

    def file(self, name: str) -> FilePath:
        """Where something of that name lies."""
        return self.folder / f"{name}.safetensors"

    def _read(self, name: str, device: torch.device) -> Trajectory | None:
        try:
            found = unpacked(self.file(name).read_bytes(), device)
        except DAMAGED:
            return None
        with suppress(OSError):
            os.utime(self.file(name))
        return found

    def write(self, name: str, data: bytes) -> None:
        """Keep a file, if there is room for it and the folder lets it."""
        if len(data) > self.cap:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._evict(self.cap - len(data))
            atomic.write(self.file(name), data)
        except OSError as error:
            self._warn(error)

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
                f"Inversions cannot be kept in {self.folder} ({reason}), so a second edit of the picture "
                "will take as long as the first; set OVERPAINT_CACHE to a folder with room.",
                stacklevel=1,  # so that it can be told from the warnings of libraries
            )


@dataclass
class CachedDraft:
    """What a long inversion has found so far, in a file beside those of finished ones.

    Files are written whole, so at most a tenth of the time goes into them: after a write that took a second,
    the next nine are for the work.
    """

    cache: Cache
    name: str
    device: torch.device
    ready: float = 0.0
    """When it may be written again."""

    @property
    def title(self) -> str:
        """What the draft is called in the cache."""
        return f"{self.name}.draft"

    def read(self) -> dict[str, Tensor]:
        """What a killed run left: nothing if it is damaged or of another format."""
        try:
            found, _ = opened(self.cache.file(self.title).read_bytes())
        except DAMAGED:
            return {}
        return {name: t.to(self.device) for name, t in found.items()}

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Write it down, unless that was done a moment ago."""
        began = time.monotonic()
        if began < self.ready:
            return
        self.cache.write(self.title, sealed({name: t.cpu().clone() for name, t in found.items()}, {}))
        self.ready = time.monotonic() + PATIENCE * (time.monotonic() - began)

    def drop(self) -> None:
        """Remove it: the whole is there, or could not be kept either."""
        with suppress(OSError):
            self.cache.file(self.title).unlink(missing_ok=True)


MORE = "more."
"""Before the names of what one inversion alone knows about."""


def packed(found: Trajectory) -> bytes:
    """A trajectory as the bytes of a safetensors file, with a hash to tell whether they stayed the same."""
    values = {one.name: getattr(found, one.name) for one in fields(found) if one.name != "more"}
    values |= {f"{MORE}{name}": value for name, value in found.more.items()}
    tensors = {name: t.cpu().contiguous() for name, t in values.items() if isinstance(t, Tensor)}
    return sealed(tensors, {"pinned": str(found.pinned)})


def unpacked(data: bytes, device: torch.device) -> Trajectory:
    """The trajectory in the bytes of a file.

    Raises:
        ValueError: they are not what was written, or of another format.
    """
    tensors, meta = opened(data)
    there = {name: t if name == "t" else t.to(device) for name, t in tensors.items()}
    own = {name: t for name, t in there.items() if not name.startswith(MORE)}
    more = {name.removeprefix(MORE): t for name, t in there.items() if name.startswith(MORE)}
    return Trajectory(**own, pinned=meta["pinned"] == "True", more=more)


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
