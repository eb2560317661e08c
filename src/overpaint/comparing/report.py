"""The report of a comparison: one file of HTML, and a contact sheet of all pictures."""

from collections.abc import Mapping, Sequence
from typing import Any

from overpaint import __version__
from overpaint.choosing.score import Score
from overpaint.comparing.candidate import Candidate
from overpaint.comparing.seeing import OWN
from overpaint.images import Picture
from overpaint.images.picture import from_pil
from overpaint.images.sheets import flat, scaled, sheet
from overpaint.model import Model
from overpaint.pages.page import page, shown
from overpaint.run.request import EditRequest
from overpaint.run.wording import word_changes

FILE, SHEET = "report.html", "sheet.png"
CELL, ACROSS = 192, 6
BY_SCORE = (
    "Those most likely to have come off come first: a score learned from {} edits whose right answer is "
    "known, which on others it never saw tells an edit that came off from one that did not in {:.0%} of "
    "pairs ({:.0%} to {:.0%})."
)
BY_SIGNALS = (
    "No score was learned with this model, so there is no telling how likely each came off; first come those "
    "that the network takes for the target rather than the source, and of these the ones that changed least "
    "where the two prompts do not part."
)


def order(score: Score | None) -> str:
    """How the results are ordered, as a sentence."""
    if score is None:
        return BY_SIGNALS
    return BY_SCORE.format(score.cases, score.auc, score.auc_low, score.auc_high)


def report(
    asked: EditRequest,
    model: Model,
    found: Sequence[Candidate],
    score: Score | None,
    notes: Sequence[str] = (),
) -> bytes:
    """The page."""
    told = asked.request
    there = {name for one in found for name in one.figures}
    data = {
        "title": "Edits of one picture",
        "prompt": told.source,
        "target": told.target,
        "change": [list(one) for one in word_changes(told.source, told.target)],
        "facts": f"model {model.name} ({model.family.name}), seed {told.seed}, overpaint {__version__}",
        "notes": list(notes),
        "order": order(score),
        "source": "" if asked.shown is None else shown(asked.shown),
        "mask": None if asked.mask is None else shown(asked.mask.picture),
        "figures": [
            {"name": name, "title": f.title, "better": f.better, "digits": f.digits, "meaning": f.meaning}
            for name, f in OWN.items()
            if name in there
        ],
        "cells": [cell(one) for one in found],
    }
    return page("overpaint compare", "compare", data, ("common", "compare"))


def cell(one: Candidate) -> Mapping[str, Any]:
    """A candidate as the page's program takes it."""
    if one.edit is None:
        return {"title": one.title, "error": one.error, "picture": None}
    return {
        "title": one.title,
        "picture": shown(one.edit.picture),
        "mask": None if one.edit.mask is None else shown(one.edit.mask),
        "words": [{"word": word, "picture": shown(picture)} for word, picture in one.words],
        "figures": {name: one.figures[name] for name in OWN if name in one.figures},
        "score": one.score,
        "chance": one.chance,
        "unasked": None if one.unasked is None else one.unasked["words"],
        "warnings": list(one.edit.warnings),
        "command": one.command,
        "recipe": bare(one.edit.recipe.model_dump(mode="json")),
    }


def bare(recipe: dict[str, Any]) -> dict[str, Any]:
    """A recipe without the pictures inside it."""
    several = {
        name: [{**record, "png": None} for record in records] for name, records in recipe["pictures"].items()
    }
    return {**recipe, "pictures": several}


def contact(asked: EditRequest, found: Sequence[Candidate]) -> Picture:
    """The source and all edits, best first; what failed is a grey cell with its sentence."""
    source = asked.shown
    blank = None if source is None else Picture(source.rgb * 0 + 128)
    cells = [] if source is None else [(source, f"source: {asked.request.source}")]
    for one in found:
        picture = blank if one.edit is None else one.edit.picture
        if picture is not None:
            cells.append((picture, caption(one)))
    shown_at = [scaled(flat(picture), CELL) for picture, _ in cells]
    return from_pil(sheet(shown_at, [words for _, words in cells], min(ACROSS, len(cells))))


def caption(one: Candidate) -> str:
    """What to say below a picture."""
    if one.edit is None:
        return f"{one.title}: {one.error}"[:140]
    chance = f", likely {one.chance}" if one.chance else ""
    return f"{one.title}: {one.figures['seconds']:.1f} s{chance}"
