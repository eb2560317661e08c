"""SEGA: the picture's own walk again, pushed towards concepts and away from others."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.guides.concept import Beta, Cooldown, Momentum, Said, Threshold, Warmup
from overpaint.guides.semantic import check_acting, pushing, terms_of
from overpaint.inversions import DDIM, AnyInversion
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.task import Task

SEGA_PAPER = Paper(
    "brack2023sega",
    "Brack, Manuel and Friedrich, Felix and Hintersdorf, Dominik and Struppek, Lukas and Schramowski, "
    "Patrick and Kersting, Kristian",
    "SEGA: Instructing Text-to-Image Models using Semantic Guidance",
    "Advances in Neural Information Processing Systems",
    2023,
    "2301.12247",
    "https://github.com/ml-research/semantic-image-editing",
    "MIT",
)
CARD = Card(
    name="sega",
    idea="Push a generated picture along concepts, several at once, each added or taken away.",
    papers=(SEGA_PAPER,),
    needs=frozenset({Need.IMAGE, Need.SOURCE}),
    optional=frozenset({Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=lambda o: (
        o.inversion.cost_at(o.steps, o.guidance)
        + o.inversion.walk_cost(o.steps, sources=0, further=len(o.concept))
    ),
    law=Law.NONE,
    official=Cost.of(150),  # one concept
    trial={"concept": ["+dog:5", "-grass:3"], "warmup": 1},
    published="User studies of generated pictures (arXiv:2301.12247); no figures on edits of pictures "
    "that were given",
    shipped="As published, and middling there: with the target prompt as a concept to add and the source "
    "prompt as one to take away 0.46 of two hundred edits come off; 0.85 of those of material, 0.15 of "
    "two things at once",
)


class Sega(Method):
    """Walk the picture's noise again with its own prompt, and push along concepts where they matter most.

    Made for pictures that were generated here: they start from their own noise, and nothing is inverted.
    Others are inverted first, and lose what their inversion loses. A push that is too strong tears the
    picture; a concept with no place in it pushes all the same.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    concept: Said = ()
    threshold: Threshold = 0.9
    warmup: Warmup = 10
    cooldown: Cooldown = None
    momentum: Momentum = 0.1
    beta: Beta = 0.4
    inversion: AnyInversion = Field(default=DDIM(), description="how the picture becomes noise")

    def check(self, model: Model, task: Task) -> None:
        """There must be a concept that the model can read and that acts at some step."""
        check_acting(terms_of(self, task), self.inversion.walked(self.steps), self.momentum > 0)

    def __call__(self, model: Model, task: Task) -> Latent:
        """Walk the target alone, which is the source's prompt unless another one is given."""
        texts = task.source, task.given_target or task.source, task.null
        path = model.path(self.steps)
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise)
        return walk.guided(pushing(self, task)).alone(model)["tgt"]
