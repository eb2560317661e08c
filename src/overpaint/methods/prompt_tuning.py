"""Prompt tuning inversion as an editor: a tuned prompt that holds the picture, mixed with the target's."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Law, Need
from overpaint.inversions import PromptTuning
from overpaint.inversions.prompt_tuning import PROMPT_TUNING_PAPER
from overpaint.method import Method
from overpaint.model import Model
from overpaint.options import USUAL_GUIDANCE, Guidance
from overpaint.path import Latent
from overpaint.task import Task


class PromptTuningEdit(Method):
    """Tune a prompt at every step until sampling gives the picture, then sample with a mixture of prompts.

    It needs no source prompt: what is tuned begins as the empty one. With a source prompt it begins there, as
    an unofficial implementation does. No official code was published. It keeps less than methods that look at
    the source's maps, and takes longer.
    """

    card: ClassVar[Card] = Card(
        name="prompt-tuning",
        idea="Tune a prompt at every step until it gives the picture back, then mix it with the new prompt.",
        papers=(PROMPT_TUNING_PAPER,),
        needs=frozenset({Need.IMAGE, Need.TARGET}),
        optional=frozenset({Need.SOURCE}),
        families={"sd1": {}, "sd2": {}, "sdxl": {}},
        cost=lambda o: (
            o.inversion.cost_at(o.steps, o.guidance)
            + o.inversion.walk_cost(o.steps, sources=0, scale=o.guidance)
        ),
        law=Law.NONE,
        published="none that could be checked; no official code was released, so the proof is by its laws",
        shipped="As published: ten of twenty fresh cases come off, and with `inversion.share` 1.0, 0.6 and "
        "0.4 ten, eight and two",
        # Tuning follows rounding, and guidance multiplies it.
        trial={"guidance": 3.0, "inversion": {"name": "prompt-tuning", "inner": 2}},
    )
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    inversion: PromptTuning = Field(default=PromptTuning(), description="how the prompt is tuned and mixed")

    def __call__(self, model: Model, task: Task) -> Latent:
        """Tune, then walk back: the target alone, for nothing reads from the source."""
        source = task.null if task.given_source is None else task.given_source
        path, texts = model.path(self.steps), (source, task.target, task.null)
        walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, task.noise)
        return walk.alone(model)["tgt"]
