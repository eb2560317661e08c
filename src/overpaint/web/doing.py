"""The work of the server: edits, pictures, inversions and comparisons, with news on the way."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import overpaint
from overpaint.card import KINDS
from overpaint.comparing.candidate import Candidate
from overpaint.errors import OverpaintError
from overpaint.files.provenance import Origin
from overpaint.images import Picture, encode_png, to_pil
from overpaint.images.picture import from_pil
from overpaint.images.sheets import flat, overlay
from overpaint.ledger.entry import Entry
from overpaint.ledger.queue import Ledger
from overpaint.ledger.shelf import Shelf
from overpaint.meter import Meter, part
from overpaint.model import Model
from overpaint.path import Latent
from overpaint.run.kept import KEPT
from overpaint.run.preview import Preview
from overpaint.run.request import edit_request
from overpaint.run.result import Edit, Tried
from overpaint.run.sided import Wanted
from overpaint.run.written import file_of
from overpaint.web.controlling import controlled
from overpaint.web.cost import of_request
from overpaint.web.hub import Hub, News
from overpaint.web.layers import works
from overpaint.web.serving import Serving
from overpaint.web.telling import told

SUFFIX = ".picture"
"""How files of pictures end: those that came in are read by what they hold."""
STEP, PREVIEW = 0.1, 0.5
"""Seconds between two news of progress, and between two previews."""
SMALL = 384
"""Pixels of the longer side of a preview."""


@dataclass
class Doer:
    """Does what the queue says, on one device."""

    ledger: Ledger
    serving: Serving
    hub: Hub
    device: str | None = None
    met: Callable[[str, Model], None] = lambda name, model: None
    """Told of every model that is used."""
    fitted: dict[str, Preview] = field(default_factory=dict[str, Preview])
    """How latents of a model are shown, by its weights."""

    @property
    def shelf(self) -> Shelf:
        """Where pictures are."""
        return Shelf(self.ledger.results)

    def __call__(self, entry: Entry, meter: Meter) -> Mapping[str, Any]:
        """Do it; what came out as values that name pictures.

        Raises:
            OverpaintError: it cannot be done.
            Cancelled: somebody wants it to stop.
        """
        model = self.model(str(entry.work["model"]))
        self.hub.tell(entry.id, News("state", told(entry)))
        Progress(entry.id, self.hub, meter).begin()
        meter.on_preview = self.previewing(entry.id, model)
        do: Mapping[str, Callable[[Entry, Model, Meter], Mapping[str, Any]]] = {
            "edit": self.edit,
            "generate": self.generate,
            "invert": self.invert,
            "compare": self.compare,
        }
        return do[str(entry.work["kind"])](entry, model, meter)

    def model(self, name: str) -> Model:
        """A model by the name it is served under."""
        serving = self.serving
        model = KEPT.get(name, serving.dtype, self.device, Origin(), serving.offload)
        self.met(name, model)
        return model

    def picture(self, blob: str | None) -> bytes | None:
        """A picture that came in, or one that was made."""
        return None if blob is None else self.shelf.read(blob, SUFFIX)

    def shelved(self, blob: str) -> bytes:
        """The same for one that there is."""
        return self.shelf.read(blob, SUFFIX)

    def edit(self, entry: Entry, model: Model, meter: Meter) -> Mapping[str, Any]:
        """An edit."""
        first, *others = works(dict(entry.work))
        if not others:
            return self.tried(self.edited(first, model, meter, self.picture(first.get("onto"))))
        meter.total = sum(self.most_rows(one, model) for one in (first, *others))
        made = self.edited(first, model, part(meter))
        for one in others:
            made = together(made, self.edited(one, model, part(meter), made))
        return self.kept(made)

    def edited(
        self, work: Mapping[str, Any], model: Model, meter: Meter, onto: bytes | Edit | None = None
    ) -> Edit:
        """One edit, laid on an earlier one where there is any."""
        return overpaint.edit(
            self.shelved(work["image"]),
            method=work["method"],
            model=model,
            mask=self.picture(work.get("mask")),
            mask_box=work.get("mask_box"),
            mask_words=work.get("mask_words"),
            mask_diff=work.get("mask_diff", False),
            map=self.picture(work.get("map")),
            control=self.controls(work),
            onto=onto,
            limits=self.serving.limits,
            memory=self.serving.memory,
            look=work["look"],
            meter=meter,
            maps=work["maps"],
            cache=True,
            options=work["options"],
            **work["request"],
        )

    def most_rows(self, work: Mapping[str, Any], model: Model) -> int:
        """The rows that one edit takes at most."""
        request = {name: work["request"][name] for name in ("source", "target")}
        image = self.shelved(work["image"])
        asked = edit_request(
            "edit", work["method"], image, request, work["options"], limits=self.serving.limits
        )
        return of_request(asked, model).rows[1]

    def controls(self, work: Mapping[str, Any]) -> list[Wanted]:
        """The side networks of a piece of work."""
        return [controlled(one, self.shelved, self.serving.controls) for one in work.get("control", ())]

    def generate(self, entry: Entry, model: Model, meter: Meter) -> Mapping[str, Any]:
        """A picture from a prompt."""
        work = entry.work
        return self.kept(
            overpaint.generate(
                work["request"]["target"],
                model=model,
                seed=work["request"]["seed"],
                control=self.controls(work),
                memory=self.serving.memory,
                meter=meter,
                maps=work["maps"],
                options=work["options"],
            )
        )

    def invert(self, entry: Entry, model: Model, meter: Meter) -> Mapping[str, Any]:
        """An inversion, walked back to see how good it is."""
        work = entry.work
        image = self.picture(work["image"])
        assert image is not None
        return self.kept(
            overpaint.invert(
                image,
                model=model,
                limits=self.serving.limits,
                memory=self.serving.memory,
                look=work["look"],
                meter=meter,
                cache=True,
                options=work["options"],
                **work["request"],
            )
        )

    def compare(self, entry: Entry, model: Model, meter: Meter) -> Mapping[str, Any]:
        """Several methods; what is finished stays where it is stopped, and is not made again."""
        work = entry.work
        image = self.picture(work["image"])
        assert image is not None
        found = overpaint.compare(
            image,
            methods=work["methods"],
            grid=work["grid"],
            budget=work["budget"],
            model=model,
            mask=self.picture(work.get("mask")),
            onto=self.picture(work.get("onto")),
            limits=self.serving.limits,
            words=work["words"],
            check=work["check"],
            folder=self.ledger.own(entry.id),
            overwrite=True,
            cache=True,
            meter=meter,
            options=work["options"],
            **work["request"],
        )
        cells = [self.cell(one) for one in found.cells]
        report = self.shelf.put(found.html, SUFFIX)
        return {"cells": cells, "report": report, "notes": list(found.notes)}

    def cell(self, one: Candidate) -> dict[str, Any]:
        """One edit of a comparison."""
        said: dict[str, Any] = {"title": one.title, "method": one.method, "error": one.error}
        if one.edit is None:
            return said
        figures = {name: float(value) for name, value in one.figures.items()}
        return {
            **said,
            "picture": self.shelf.put(file_of(one.edit, "x.png"), SUFFIX),
            "figures": figures,
            "score": None if one.score is None else one.score[0],
            "command": one.command,
            "warnings": list(one.edit.warnings),
        }

    def tried(self, edit: Edit) -> dict[str, Any]:
        """An edit as values, with all that was made where the method was to be chosen among several."""
        said, every = self.kept(edit), edit.tried if len(edit.tried) > 1 else ()
        cells = [self.attempt(one, said["picture"]) for one in every]
        return {**said, "cells": cells, "notes": [] if edit.chosen is None else list(edit.chosen.failed)}

    def attempt(self, one: Tried, taken: str) -> dict[str, Any]:
        """One edit that was made, the recipe in its picture."""
        assert one.picture is not None
        blob = (
            self.shelf.put(encode_png(one.picture, one.picture.info.text), SUFFIX) if one.dropped else taken
        )
        said = {"title": one.title, "method": one.title.split()[0], "picture": blob}
        return {**said, "score": one.chance, "dropped": one.dropped}

    def kept(self, edit: Edit) -> dict[str, Any]:
        """An edit as values, its pictures put away."""
        height, width = edit.picture.size
        return {
            "picture": self.shelf.put(file_of(edit, "x.png"), SUFFIX),
            "width": width,
            "height": height,
            "figures": edit.figures.model_dump(mode="json"),
            "warnings": list(edit.warnings),
            "chosen": "" if edit.chosen is None else edit.chosen.reason,
            "mask": None if edit.mask is None else self.put(edit.mask),
            "words": list(self.words(edit)),
            "others": [self.put(one) for one in edit.others],
        }

    def words(self, edit: Edit) -> Iterator[dict[str, str]]:
        """Where each word looks, laid over the picture."""
        base = flat(edit.picture)
        for word, grid in edit.words:
            laid = from_pil(overlay(base, grid.detach().cpu().float().numpy()))
            yield {"word": word, "picture": self.put(laid)}

    def put(self, picture: Picture) -> str:
        """Put a picture away."""
        return self.shelf.put(encode_png(picture), SUFFIX)

    def previewing(self, id: str, model: Model) -> Callable[[Latent], None]:
        """What tells how the result looks so far."""
        last = [0.0]

        def show(x0: Latent) -> None:
            if time.monotonic() - last[0] < PREVIEW or not self.hub.heard(id):
                return
            last[0] = time.monotonic()
            try:
                if model.fingerprint not in self.fitted:
                    self.fitted[model.fingerprint] = Preview.fit(model)
                picture = self.fitted[model.fingerprint].picture(x0, model.family.factor)
            except OverpaintError:
                return  # a preview that cannot be shown must not end the edit
            self.hub.tell(id, News("preview", {"image": address(picture)}))

        return show


def together(before: Edit, after: Edit) -> Edit:
    """An edit that was laid on another, with the work of both."""
    own, more = before.figures, after.figures
    counted = ("seconds", "look_rows", "calls", *KINDS)
    spent = {name: getattr(own, name) + getattr(more, name) for name in counted}
    warnings = tuple(dict.fromkeys((*before.warnings, *after.warnings)))
    chosen = before.chosen and replace(before.chosen, tried=())  # those were tried without what lies on them
    return replace(after, figures=more.model_copy(update=spent), warnings=warnings, chosen=chosen)


def address(picture: Picture) -> str:
    """A small picture as an address that holds it."""
    image = to_pil(picture)
    image.thumbnail((SMALL, SMALL))
    return f"data:image/png;base64,{b64encode(encode_png(from_pil(image))).decode()}"


@dataclass
class Progress:
    """Tells of the progress of one piece of work."""

    id: str
    hub: Hub
    meter: Meter
    last: float = 0.0

    def begin(self) -> None:
        """From now on, every tick."""
        self.meter.on_tick = self.tick

    def tick(self, meter: Meter) -> None:
        """How far it is, now and then."""
        now = time.monotonic()
        if now - self.last < STEP:
            return
        self.last = now
        share, seconds = meter.share, meter.seconds
        left = seconds / share - seconds if share > 0.02 else None
        facts = {"rows": meter.rows, "total": meter.total, "share": share, "seconds": seconds, "left": left}
        self.hub.tell(self.id, News("step", facts))
