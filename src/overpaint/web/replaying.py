"""Accepted edits, made again from the original, for an edit of the whole picture that goes on from them."""

from dataclasses import dataclass

from overpaint.errors import UsageError
from overpaint.images import encode_png
from overpaint.ledger.entry import Entry
from overpaint.methods.auto import Auto
from overpaint.run.inputs import recipe_of
from overpaint.web.layers import Work, carried
from overpaint.web.safety import Refused
from overpaint.web.schemas import EditIn, StepIn
from overpaint.web.studio import Studio

MASKS = ("mask", "mask_box", "mask_words", "mask_diff", "map")
"""Whatever said where a picture may change."""
HERE = ("layers", "whole", "onto", "parent", "cell", "client")
"""What belongs to the edit that was, not to the one that is made again."""


@dataclass(frozen=True)
class Step:
    """An accepted edit: what was asked for, and where it could change the picture."""

    work: Work
    mask: str | None

    @property
    def target(self) -> str:
        """What it should show."""
        return str(self.work["request"]["target"])


def layered(studio: Studio, said: EditIn, image: str, source: str) -> Work:
    """What an edit of the whole picture needs beside its own request; nothing where no mask came before.

    Raises:
        UsageError: it has a mask itself, or an edit on the way is not there.
    """
    if not said.way:
        return {}
    if any(getattr(said, name) for name in MASKS):
        raise UsageError(
            "An edit inside a mask is laid on the accepted picture: give that as onto, and no way to it."
        )
    steps = [step_of(studio, one) for one in said.way]
    if not any(step.mask for step in steps):
        return {}
    texts = [source, *(step.target for step in steps), said.target]
    masked = [*(step.mask is not None for step in steps), False]
    layers = [
        {
            **step.work,
            "image": image,
            "mask": step.mask,
            "request": {**step.work["request"], "source": source, "target": carried(texts, masked, k + 1)},
        }
        for k, step in enumerate(steps)
        if step.mask is not None
    ]
    return {"whole": carried(texts, masked, 0), "layers": layers}


def step_of(studio: Studio, said: StepIn) -> Step:
    """An accepted edit as it can be made again.

    Raises:
        UsageError: it is not there, not done, or no edit.
    """
    try:
        entry = studio.entry(said.work)
    except Refused:
        raise UsageError(
            f"The edit {said.work}, which this one goes on from, was deleted; make this one from the "
            "accepted picture."
        ) from None
    if entry.state != "done" or entry.work["kind"] not in ("edit", "compare"):
        raise UsageError(f"The work {said.work} is no finished edit, so none can go on from it.")
    work = {name: value for name, value in entry.work.items() if name not in HERE}
    masked = any(work.get(name) for name in MASKS)
    nowhere = {"mask_box": None, "mask_words": None, "mask_diff": False}
    again = {**work, **nowhere, "kind": "edit", "look": False, "maps": False, **of_cell(studio, entry, said)}
    return Step(again, mask_of(studio, entry, said) if masked else None)


def of_cell(studio: Studio, entry: Entry, said: StepIn) -> Work:
    """The method and options that the work leaves open: of one edit of a comparison, or where they were
    chosen; nothing where it says them."""
    if entry.work["kind"] == "edit" and entry.work["method"] != Auto.card.name:
        return {}  # it says them itself
    told = recipe_of(studio.picture(result_of(entry, said)))
    if told is None:
        raise UsageError("The accepted picture carries no recipe, so it cannot be made again.")
    return {"method": told.method, "options": told.options}


def result_of(entry: Entry, said: StepIn) -> str:
    """The picture that was accepted.

    Raises:
        UsageError: there is no such edit among those that were made.
    """
    cells = entry.result.get("cells", [])
    if entry.work["kind"] == "edit" and (said.cell is None or not cells):
        return str(entry.result["picture"])
    if said.cell is None or said.cell >= len(cells) or not cells[said.cell].get("picture"):
        raise UsageError(f"The work {entry.id} has no such edit; say which one in cell.")
    return str(cells[said.cell]["picture"])


def mask_of(studio: Studio, entry: Entry, said: StepIn) -> str | None:
    """Where it could change the picture: as it was sent, as it was found, or as it came out."""
    if entry.work.get("mask"):
        return str(entry.work["mask"])
    told = recipe_of(studio.picture(result_of(entry, said)))
    if told is not None and told.mask is not None and told.mask.png is not None:
        return studio.keep(encode_png(told.mask.open(limits=studio.serving.limits)), "The mask")[0]
    return entry.result.get("mask")
