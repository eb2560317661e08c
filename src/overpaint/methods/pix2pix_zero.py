"""pix2pix-zero: a direction among embeddings says what changes, the source's word maps hold the rest."""

from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.controls.reference import REFERENCE
from overpaint.errors import UsageError
from overpaint.guides.led import Led
from overpaint.inversions import AnyInversion, Regularised, Walk
from overpaint.inversions.regularised import PIX2PIX_ZERO_PAPER
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import Guidance, Tuned
from overpaint.path import Latent
from overpaint.task import Task
from overpaint.tune.direction import Direction, DirectionFile, between, opened
from overpaint.tune.sentences import MOST


def cost(o: "Pix2PixZero") -> Cost:
    """Where the maps lead: both rows of the source, both of the target twice, and a backward pass a call."""
    inverted = o.inversion.cost_at(o.steps, o.guidance)
    if not o.attention_guidance:
        return inverted + o.inversion.walk_cost(o.steps, sources=0, scale=o.guidance)
    calls = o.inversion.walked(o.steps) * (o.inversion.target_rows // 2)
    return inverted + Cost.of(6 * calls, calls)


CARD = Card(
    name="pix2pix-zero",
    idea="Add the way from one word to another to the prompt's embedding, and let the new words look where "
    "the old ones looked.",
    papers=(PIX2PIX_ZERO_PAPER,),
    needs=frozenset({Need.IMAGE, Need.SOURCE}),
    optional=frozenset({Need.TARGET}),
    target_or="direction",
    families={"sd1": {}, "sd2": {"attention_guidance": 0.01}, "sdxl": {"attention_guidance": 0.025}},
    cost=cost,
    law=Law.AS_INVERSION,
    official=Cost.of(348, 50),
    random=True,
    published="PIE-Bench with SD 1.4, 50 steps, DDIM inversion (arXiv:2310.01506, table 1): structure "
    "distance 0.06168; outside the edit PSNR 20.44, LPIPS 0.17222, SSIM 0.7467; CLIP 22.80, in it 20.54",
    # Steep descents on the few cells of a trial would make rounding decide.
    trial={
        "sentences": 3,
        "guidance": 2,
        "inversion": {"name": "regularised", "rounds": 1, "ac": 2, "kl": 2},
    },
    shipped="`sentences` 1, `inversion.ac` and `inversion.kl` 1.25: means over sentences lose the place "
    "of a word in so small a text encoder, and latents of 16 x 16 cells want a sixteenth of the "
    "published descents; success 0.53 for 0.17 as published, least at styles and at things elsewhere",
)


class Pix2PixZero(Method):
    """Turn one thing into another without a target prompt for the picture: a direction is enough.

    By itself the direction is made from sentences about what the two prompts say differently; one that is
    kept in a file (``overpaint direction``) takes the place of the target prompt. Each step is led by a
    gradient, which takes memory and more than twice the time. The pull grows with the size of the maps: other
    sizes and networks want another ``attention_guidance``.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = 5.0
    attention_guidance: float = Field(
        default=0.1, ge=0, le=10, description="pull towards where the source's words look, at each step"
    )
    strength: float = Field(default=1.0, ge=-5, le=5, description="how far to go in the direction")
    direction: DirectionFile = ""
    sentences: int = Field(
        default=200, ge=1, le=MOST, description="sentences for each side of a direction; 1: the prompts alone"
    )
    inversion: AnyInversion = Field(default=Regularised(), description="how the picture becomes noise")
    tuned: Tuned = "auto"

    def check(self, model: Model, task: Task) -> None:
        """Either a target prompt or a direction that suits the model."""
        chosen(self, model, task)

    def __call__(self, model: Model, task: Task) -> Latent:
        """Invert, then walk source and target, the target led by the source's maps."""
        walk = set_out(self, model, task)
        return (walk.run(model) if self.attention_guidance else walk.alone(model))["tgt"]


def set_out(o: Pix2PixZero, model: Model, task: Task) -> Walk:
    """The walk of both, ready to go."""
    way = chosen(o, model, task) or between(model, *prompts(task), o.sentences)
    texts = task.source, way.added(task.source, o.strength), task.null
    walk = o.inversion.walk(model, model.path(o.steps), task.x0, texts, o.guidance, task.noise, REFERENCE)
    if not o.attention_guidance:
        return walk
    led = Led(model, walk.branches, walk.solver, o.attention_guidance)
    return replace(walk, solver=led, controls=(*walk.controls, *led.controls))


def prompts(task: Task) -> tuple[str, str]:
    """Both prompts as they were written."""
    return task.source.prompt.text, task.target.prompt.text


def chosen(o: Pix2PixZero, model: Model, task: Task) -> Direction | None:
    """The direction that was given; nothing where the prompts say it.

    Raises:
        UsageError: both say it, or neither does, or the direction was made with another model.
    """
    if o.direction and task.given_target is not None:
        raise UsageError("A direction and a target prompt both say what shall change; leave one of them out.")
    if o.direction:
        return opened(o.direction, model)
    if task.given_target is None:
        raise UsageError("Nothing says what shall change; give a target prompt, or a direction.")
    return None
