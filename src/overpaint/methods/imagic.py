"""Imagic: the network and a text learn the picture; between that text and the target's lies the edit."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from pydantic import Field, model_validator
from torch import Tensor

from overpaint.card import Card, Cost, Law, Need
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.options import USUAL_GUIDANCE, Guidance, Sweep, Tuned, values_of
from overpaint.outcome import Outcome
from overpaint.sample import denoise
from overpaint.task import Task
from overpaint.tune.given import Force, LearnedFile, once, opened
from overpaint.tune.imagic import IMAGIC_PAPER, ImagicLearning, between
from overpaint.tune.patch import Weights
from overpaint.tune.tuner import store_of

CARD = Card(
    name="imagic",
    idea="Let a text and the network learn the picture, then go from that text towards what is wished for.",
    papers=(IMAGIC_PAPER,),
    needs=frozenset({Need.IMAGE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {"guidance": 5.0}},
    cost=lambda o: (
        (Cost() if o.learned else o.learning.cost())
        + Cost.of(rows_at(o.guidance) * o.steps * len(values_of(o.eta)))
    ),
    law=Law.NONE,
    results=lambda o: len(values_of(o.eta)),
    random=True,
    published="TEdBench, 100 pictures with a wish each: people preferred it to SDEdit, DDIB and Text2LIVE in "
    "more than 70 % of 9213 comparisons (arXiv:2210.09276, section 4.2, with Imagen; recalled)",
    shipped="All weights, 300 updates of the text at 0.005, 150 of the network at 0.0001, `eta` 0.9: six of "
    "ten fresh cases come off (four at 0.7) and 20 of fifty fixed ones, in a third of the time; as published "
    "7 of the fifty, for the picture mostly comes back ([seen](../concepts/learning.md#on-still-life))",
    trial={"learning": {"text_updates": 2, "updates": 2, "rank": 2}},
)


class Imagic(Method):
    """Learn the picture once, then sample anew with a text between the learned one and the target's.

    For pose and shape. Every ``eta`` begins at the same noise: 0 gives the picture back, about, and 1 the
    target; edits lie between 0.6 and 0.8, may be faint or change the view. A stretch gives several.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=50, ge=1, le=1000, description="denoising steps")
    guidance: Guidance = USUAL_GUIDANCE
    eta: Sweep = Field(default=0.7, description="how far to the target: 0.7, or several as 0.4:1.0:0.2")
    learning: ImagicLearning = Field(default=ImagicLearning(), description="how the picture is learned")
    learned: LearnedFile = ""
    force: Force = False
    tuned: Tuned = "auto"

    @model_validator(mode="after")
    def learned_once(self) -> "Imagic":
        """What is in a file was learned already."""
        once(self.learned, self.force, self.learning == ImagicLearning())
        return self

    def check(self, model: Model, task: Task) -> None:
        """Refuse what could not be learned, and what was learned elsewhere or for something else."""
        self.learning.check(model)
        if self.learned:
            opened(self.learned, model, CARD.name, self.force)

    def learn(self, model: Model, task: Task) -> Weights:
        """What was learned of the picture: from its file, from the store, or now."""
        if self.learned:
            return opened(self.learned, model, CARD.name, self.force)
        found = self.learning.learned(model, [task.x0], {"target": task.target}, task.noise, store_of(model))
        return self.learning.patch(found, model).told(target=task.target.prompt.text)

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Learn, then walk from the same noise with every text between."""
        with model.patched(patch := self.learn(model, task)):
            return replace(walked(self, model, task, patch.more), learned=(patch,))


def walked(method: Imagic, model: Model, task: Task, text: Mapping[str, Tensor]) -> Outcome:
    """Walk from the same noise with every text between, on a network that was tuned."""
    path, etas = model.path(method.steps), values_of(method.eta)
    guides = (CFG(between(task.target, text, eta), task.null, method.guidance) for eta in etas)
    made = [denoise(model, path, {"tgt": task.start()}, [Branch("tgt", g)])["tgt"] for g in guides]
    return Outcome(made, scores={"eta": etas})
