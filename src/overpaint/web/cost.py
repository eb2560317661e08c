"""What is known of a model once it was looked at: how fast it is here, and how much memory it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from overpaint.card import Cost
from overpaint.choosing.choices import USUAL, Type
from overpaint.images.fitting import scaled_size, whole
from overpaint.methods.auto import Auto
from overpaint.model import Model
from overpaint.run.auto import choices, comparable
from overpaint.run.auto import planned as plan
from overpaint.run.estimate import BACKWARD, SIDE, Speed, look_folder, speed_of
from overpaint.run.known import record_of
from overpaint.run.plan import grain
from overpaint.run.request import edit_request, told
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


def of_method(name: str, options: Mapping[str, Any], family: str) -> Cost:
    """What a method with these options takes on such a model."""
    kind, said = told(name, options)
    return kind.card.cost(resolve(kind, said, kind.card.families.get(family, {}), f"the method {name!r}"))


def of_auto(options: Mapping[str, Any], model: Model | None, type_of: Callable[[Model], Type]) -> Cost:
    """The same where methods are tried: at least the first of them, at most all that there is reason to try.

    ``type_of`` reads the type of edit, where it was not said; before a model is there, nobody knows better
    than to try what is usual.
    """
    own = resolve(Auto, options, {}, "the method 'auto'")
    tried = USUAL if model is None else choices(model, own.type or type_of(model))
    most = own.candidates if model is None or comparable(model) else 1
    family = "" if model is None else model.family.name
    costs = [of_method(one.method, one.said, family) for one in tried[:most]]
    first = costs[0]
    return Cost(
        rows=(first.rows[0], sum(one.rows[1] for one in costs)),
        backwards=(first.backwards[0], sum(one.backwards[1] for one in costs)),
        sides=(first.sides[0], sum(one.sides[1] for one in costs)),
    )


def seconds_of(speed: Speed, cost: Cost, looks: int, area: float) -> tuple[float, float]:
    """Seconds at least and at most."""
    least, most = (
        area * (speed.codec + speed.row * (rows + looks + BACKWARD * backwards + SIDE * sides))
        for rows, backwards, sides in zip(cost.rows, cost.backwards, cost.sides, strict=True)
    )
    return least, most
