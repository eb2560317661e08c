"""What an edit would take, told at once: from the method's card and one look at the model when it was loaded.

The model may be busy for minutes; whoever chooses a method cannot wait for that.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from overpaint.card import Cost, Need
from overpaint.images.fitting import scaled_size, whole
from overpaint.model import Model
from overpaint.run.estimate import BACKWARD, SIDE, Speed, look_folder, speed_of
from overpaint.run.known import record_of
from overpaint.run.plan import grain, plan
from overpaint.run.request import edit_request, kind_of
from overpaint.run.resolve import resolve
from overpaint.web.schemas import PICTURE, EditIn, EstimateOut, ModelOut

if TYPE_CHECKING:
    from overpaint.web.studio import Studio


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


def about(name: str, model: Model) -> ModelOut:
    """What there is to say of a model."""
    return ModelOut(
        name=name,
        family=model.family.name,
        side=model.family.side,
        guidance=model.guidance,
        words=sorted(model.suits.vocabulary),
        loaded=True,
    )


def estimated(studio: "Studio", said: EditIn) -> EstimateOut:
    """What an edit would take; seconds and memory only where the model was looked at.

    Raises:
        UsageError: there is no such method, option or model.
    """
    found = studio.speeds.get(studio.model(said.model))
    kind = kind_of(said.method)
    preset = dict[str, Any]() if found is None else kind.card.families.get(found.family, {})
    method = resolve(kind, said.options, preset, f"the method {said.method!r}")
    cost = kind.card.cost(method)
    looks = 0 if found is None or not said.look else found.levels
    seconds = memory = None
    if found is not None:
        area = found.area(size_of(studio, said.image))
        seconds = seconds_of(found.speed, cost, looks, area)
        together = 4 if Need.IMAGE in kind.card.needs else 2
        tuning = found.speed.tuned_bytes if cost.backwards[1] else 0
        memory = found.speed.peak(int(area * max(found.speed.row_bytes * together, tuning)))
    return EstimateOut(rows=cost.rows, backwards=cost.backwards, look=looks, seconds=seconds, memory=memory)


def size_of(studio: "Studio", said: str) -> tuple[int, int] | None:
    """Height and width of a picture that is here; nothing for one that is not."""
    return studio.picture(said).size if re.fullmatch(PICTURE, said) else None


def seconds_of(speed: Speed, cost: Cost, looks: int, area: float) -> tuple[float, float]:
    """Seconds at least and at most."""
    least, most = (
        area * (speed.codec + speed.row * (rows + looks + BACKWARD * backwards + SIDE * sides))
        for rows, backwards, sides in zip(cost.rows, cost.backwards, cost.sides, strict=True)
    )
    return least, most
