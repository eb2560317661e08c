"""What is known of a model once it was looked at: how fast it is here, and how much memory it takes."""

from dataclasses import dataclass

import torch

from overpaint.card import Cost
from overpaint.images.fitting import scaled_size, whole
from overpaint.model import Model
from overpaint.run.auto import planned as plan
from overpaint.run.estimate import BACKWARD, SIDE, Speed, look_folder, speed_of
from overpaint.run.known import record_of
from overpaint.run.plan import grain
from overpaint.run.request import edit_request
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


def seconds_of(speed: Speed, cost: Cost, looks: int, area: float) -> tuple[float, float]:
    """Seconds at least and at most."""
    least, most = (
        area * (speed.codec + speed.row * (rows + looks + BACKWARD * backwards + SIDE * sides))
        for rows, backwards, sides in zip(cost.rows, cost.backwards, cost.sides, strict=True)
    )
    return least, most
