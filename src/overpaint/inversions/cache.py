"""Inversions on disk: what one edit found, the next edit of the same picture need not look for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path as FilePath

from torch import Tensor

from overpaint.files.store import CAP, DAMAGED, Store, StoredDraft, default_folder
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion
from overpaint.inversions.cache_key import key, touched
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Model
from overpaint.noise import Draws, Noise
from overpaint.path import Latent, Path

MORE = "more."
"""Before the names of what one inversion alone knows about."""


@dataclass
class Cache:
    """Trajectories by the content of everything they depend on, so that nothing has to be forgotten by hand.

    Files hold latents of the pictures that were edited.
    """

    folder: FilePath = field(default_factory=default_folder)
    cap: int = CAP
    """Bytes; the files not looked at for longest go first."""
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.folder, self.cap)

    def fetch(
        self, inversion: Inversion, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws
    ) -> Trajectory:
        """The trajectory from disk, or found now and kept; equal to the bit either way.

        What costs no network call is not kept, nor what depends on something that has no content to be known
        by: attention controls that act in it, or draws that are not a seed's.
        """
        seeded = not inversion.random or isinstance(noise, Noise)
        changed = touched(inversion, model, path, x0)
        if changed or not seeded or not inversion.cost(len(path)).rows[1]:
            return inversion.run(model, path, x0, guide, noise)
        name = key(inversion, model, path, x0, guide, noise)

        def make(draft: StoredDraft) -> tuple[dict[str, Tensor], dict[str, str]]:
            return packed(inversion.resume(model, path, x0, guide, noise, draft))

        try:
            return unpacked(*self.store.fetch(name, make, x0.device))
        except DAMAGED:  # whole, but not what a trajectory is made of
            self.store.file(name).unlink(missing_ok=True)
            return unpacked(*self.store.fetch(name, make, x0.device))


def packed(found: Trajectory) -> tuple[dict[str, Tensor], dict[str, str]]:
    """A trajectory as tensors by name, and words."""
    values = {one.name: getattr(found, one.name) for one in fields(found) if one.name != "more"}
    values |= {f"{MORE}{name}": value for name, value in found.more.items()}
    return {name: t for name, t in values.items() if isinstance(t, Tensor)}, {"pinned": str(found.pinned)}


def unpacked(tensors: Mapping[str, Tensor], meta: Mapping[str, str]) -> Trajectory:
    """The trajectory of these tensors; raises `KeyError` or `TypeError` where they make none."""
    own = {name: t.cpu() if name == "t" else t for name, t in tensors.items() if not name.startswith(MORE)}
    more = {name.removeprefix(MORE): t for name, t in tensors.items() if name.startswith(MORE)}
    return Trajectory(**own, pinned=meta["pinned"] == "True", more=more)
