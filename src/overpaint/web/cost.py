"""What is known of a model once it was looked at: how fast it is here, and how much memory it takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from overpaint.card import Cost
from overpaint.choosing.choices import USUAL
from overpaint.images.fitting import scaled_size, whole
from overpaint.methods.auto import Auto
from overpaint.model import Model
from overpaint.run.auto import by, choices, comparable, judging, kind_of_edit
from overpaint.run.auto import planned as plan
from overpaint.run.estimate import BACKWARD, SIDE, Speed, look_folder, speed_of
from overpaint.run.known import record_of
from overpaint.run.plan import grain, optional, price
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.resolve import resolve
from overpaint.sides.segmenter import segmenter_of
from overpaint.web.controlling import Places, fitting
from overpaint.web.schemas import ModelOut


@dataclass(frozen=True)
class Measured:
    """A model's speed on its own size of picture, and what else a forecast needs."""

    speed: Speed
    family: str
    side: int
    grain: int
    levels: int
    """Rows of a look at a picture."""

    def area(self, size: tuple[int, int] | None) -> float:
        """How much larger a picture is to the network than one of its own size."""
        if size is None:
            return 1.0
        height, width = (whole(length, self.grain) for length in scaled_size(size, self.side))
        return height * width / self.side**2


def measured(model: Model) -> Measured:
    """Look at a model: how long a row takes, and how much memory."""
    asked = edit_request("generate", "generate", None, {"target": "a"}, {})
    with model.lock, torch.no_grad():
        speed = speed_of(plan(asked, model), look_folder())
    known = record_of(model)
    levels = 0 if known is None else len(known.levels)
    return Measured(speed, model.family.name, model.family.side, grain(model), levels)


def about(name: str, model: Model, own: Places) -> ModelOut:
    """What there is to say of a model."""
    return ModelOut(
        name=name,
        family=model.family.name,
        side=model.family.side,
        guidance=model.guidance,
        words=sorted(model.suits.vocabulary),
        controls=fitting(model, own),
        regions=segmenter_of(model) is not None,
        loaded=True,
    )


def unseen(asked: EditRequest, family: str = "") -> Cost:
    """What an edit takes before a model is there, by the method's own defaults; of several methods that are
    tried at least the first, at most all of them."""
    own = resolve(asked.kind, asked.options, asked.kind.card.families.get(family, {}), asked.title)
    if not isinstance(own, Auto):
        return own.card.cost(own)
    return in_turn([unseen(by(asked, one), family) for one in USUAL[: own.candidates]])


def of_request(asked: EditRequest, model: Model, share: float | None = None) -> Cost:
    """The same of a model that is there, with what it suggests for these prompts (``share``: see `tried`)."""
    return in_turn([price(one, model) for one in tried(asked, model, share)])


def judged(asked: EditRequest, model: Model, share: float | None = None) -> tuple[int, int]:
    """Rows that tell which of several edits came off, at least and at most."""
    return judging(asked, model, len(tried(asked, model, share))) if asked.kind is Auto else (0, 0)


def tried(asked: EditRequest, model: Model, share: float | None = None) -> list[EditRequest]:
    """What a request comes down to: itself, or where the method is to be chosen what is tried in turn.

    ``share`` is how much of what the model is shown may change, where the mask itself is not sent yet.
    """
    own = resolve(asked.kind, asked.options, {}, asked.title)
    if not isinstance(own, Auto):
        return [asked]
    known = choices(model, own.type or kind_of_edit(asked, model, share))
    return [by(asked, one) for one in known[: own.candidates if comparable(model) else 1]]


def in_turn(costs: Sequence[Cost]) -> Cost:
    """What several take of which at least the first is made."""
    return sum((optional(one) for one in costs[1:]), costs[0])


def seconds_of(speed: Speed, cost: Cost, beside: tuple[int, int], area: float) -> tuple[float, float]:
    """Seconds at least and at most, with the rows beside those of the edits."""
    least, most = (
        area * (speed.codec + speed.row * (rows + more + BACKWARD * backwards + SIDE * sides))
        for rows, more, backwards, sides in zip(cost.rows, beside, cost.backwards, cost.sides, strict=True)
    )
    return least, most
