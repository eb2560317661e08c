"""Doing a piece of work: the picture is read, edited, kept beside the queue, and put in its place.

In this order, so that a kill at any moment loses at most the edit that was being made: what is kept is in the
queue before it is in its place, and whoever takes the work over finds either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import overpaint
from overpaint.batch.place import Place, is_far, read
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.provenance import Origin
from overpaint.images import Limits
from overpaint.ledger.entry import Entry, LedgerError
from overpaint.ledger.worker import Desk
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.run.kept import KEPT
from overpaint.run.result import Edit
from overpaint.run.written import file_of, lost

MADE = "made"
"""The folder beside the queue of outputs on the way to their place."""


@dataclass(frozen=True)
class Tools:
    """How pictures are read and edited on this machine; nothing of it changes what comes out."""

    device: str | None = None
    offload: bool = False
    download: bool = False
    memory: str | None = None
    cache: bool = True
    look: bool = True
    limits: Limits = field(default_factory=Limits)

    def edited(self, work: Mapping[str, Any], meter: Meter) -> Edit:
        """The edit, by the same call as any program's."""
        request = dict(work["request"])
        return overpaint.edit(
            self.picture(work["image"]),
            method=work["method"],
            model=self.model(work["model"]),
            mask=self.mask(work),
            mask_box=work.get("mask_box"),
            mask_words=work.get("mask_words"),
            mask_diff=work.get("mask_diff", False),
            control=tuple(work["controls"]),
            limits=self.limits,
            memory=self.memory,
            look=self.look,
            meter=meter,
            cache=self.cache,
            options=dict(work["options"]),
            **request,
        )

    def picture(self, address: str) -> str | bytes:
        """A picture as an edit takes it: its name, or what it holds where it lies elsewhere."""
        return read(address, self.limits) if is_far(address) else address

    def mask(self, work: Mapping[str, Any]) -> str | bytes | None:
        """The mask of a piece of work, if it has one."""
        return self.picture(work["mask"]) if "mask" in work else None

    def model(self, told: Mapping[str, Any]) -> Model:
        """The model of a piece of work, loaded once and kept.

        Raises:
            UsageError: its weights are not those that were there when the work was queued.
        """
        origin = Origin.model_validate(told.get("origin", {}))
        how = (told["name"], told.get("dtype"), self.device, origin, self.offload, self.download)
        model = KEPT.get(*how)
        if told.get("weights", model.fingerprint) != model.fingerprint:
            raise UsageError(
                f"The weights of {told['name']} are not those that were there when this was queued; give the "
                "command again."
            )
        return model


@dataclass
class Doer:
    """Edits pictures as the queue says, into one folder."""

    desk: Desk
    out: Place
    tools: Tools = field(default_factory=Tools)
    overwrite: bool = False
    beside: Path | None = None
    """The folder of the queue, in which outputs wait until they are in their place; nothing where it is on
    another machine, and a kill at that moment costs an edit."""

    def __call__(self, entry: Entry, meter: Meter) -> Mapping[str, Any]:
        """Do it, or only put in place what an earlier worker made of it.

        Raises:
            UsageError: the picture cannot be read or edited, or its output is there already.
            Cancelled: somebody wants it to stop.
        """
        if entry.result.get("sha256"):
            found = self.placed_again(entry)
            if found:
                return entry.result
        name, quality = str(entry.work["name"]), entry.work["quality"]
        edit = self.tools.edited(entry.work, meter)
        data = file_of(edit, name, quality)
        said = (*edit.warnings, *lost(edit, name, quality))
        result = {"sha256": sha256(data).hexdigest(), **facts(edit), "warnings": list(said)}
        self.keep(entry, data)
        self.desk.store(entry, result)
        self.place(entry, data, str(result["sha256"]))
        return result

    def kept(self, entry: Entry) -> Path | None:
        """Where an output waits until it is in its place."""
        suffix = PurePosixPath(str(entry.work["name"])).suffix
        return None if self.beside is None else self.beside / MADE / f"{entry.id}{suffix}"

    def keep(self, entry: Entry, data: bytes) -> None:
        """Write an output beside the queue.

        Raises:
            LedgerError: there is no room, or no right to.
        """
        place = self.kept(entry)
        if place is None:
            return
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(place, data)
        except OSError as error:
            raise LedgerError(
                f"{place.parent} cannot be written to ({error.strerror or error}); make room, and the same "
                "command goes on."
            ) from None

    def place(self, entry: Entry, data: bytes, digest: str) -> None:
        """Put an output where it belongs, and what was kept of it away."""
        name, overwrite = str(entry.work["name"]), self.overwrite
        try:
            self.out.write(name, data, overwrite=overwrite)
        except UsageError:
            if overwrite or not self.out.holds(name, digest):
                raise
        kept = self.kept(entry)
        if kept is not None:
            kept.unlink(missing_ok=True)

    def placed_again(self, entry: Entry) -> bool:
        """Whether what an earlier worker made is in its place now; if not, it has to be made again."""
        digest, kept = str(entry.result["sha256"]), self.kept(entry)
        try:
            data = b"" if kept is None else kept.read_bytes()
        except OSError:
            data = b""
        if sha256(data).hexdigest() == digest:
            self.place(entry, data, digest)
            return True
        return self.out.holds(str(entry.work["name"]), digest)


def facts(edit: Edit) -> dict[str, Any]:
    """What is kept of an edit in the queue."""
    figures = edit.figures
    return {"seconds": round(figures.seconds, 3), "rows": figures.rows, "quality": figures.quality}
