"""An inversion by itself, walked back: what an editor could at best keep of a picture."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Law, Need
from overpaint.inversions import DDIM, AnyInversion
from overpaint.inversions.ddim import DDIM_PAPER
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.task import Task


class Invert(Method):
    """The picture to noise and back with its own prompt. No edit, so it is not in the list of methods."""

    card: ClassVar[Card] = Card(
        name="invert",
        idea="Turn a picture into noise and walk it back.",
        papers=(DDIM_PAPER,),
        needs=frozenset({Need.IMAGE, Need.SOURCE}),
        families={"sd1": {}, "sd2": {}, "sdxl": {}},
        cost=lambda o: (
            o.inversion.cost_at(o.steps, o.guidance)
            + o.inversion.walk_cost(o.steps, targets=0, scale=o.guidance)
        ),
        law=Law.AS_INVERSION,
    )
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: AnyInversion = Field(default=DDIM(), description="how the picture becomes noise")

    def __call__(self, model: Model, task: Task) -> Latent:
        """Invert, then walk the source alone."""
        path, texts = model.path(self.steps), (task.source, task.source, task.null)
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise)
        return walk.home(model)["src"]
