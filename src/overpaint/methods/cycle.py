"""CycleDiffusion: the noise of a random walk towards the picture, walked again under another prompt."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch.nn.functional import cosine_similarity

from overpaint.card import Card, Cost, Law, Need
from overpaint.inversions import Cycle
from overpaint.inversions.cycle import CYCLE_PAPER
from overpaint.method import Method
from overpaint.model import Model
from overpaint.noise import Further
from overpaint.options import Guidance
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task


def cost(o: "CycleEdit") -> Cost:
    """Each try there and back; several are decoded and looked at, and the source is looked at once."""
    once = o.inversion.cost(o.steps) + o.inversion.walk_cost(o.steps, sources=0, scale=o.guidance)
    looks = Cost.of(0, decodes=o.tries, looks=o.tries + 1) if o.tries > 1 else Cost()
    return sum([once] * o.tries, looks)


CARD = Card(
    name="cycle",
    idea="Draw a random walk to the picture, and walk it again with the new prompt under the same noise.",
    papers=(CYCLE_PAPER,),
    needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=cost,
    results=lambda o: o.tries,
    law=Law.NONE,
    random=True,
    official=Cost.of(276),  # of the released pipeline, four rows a step; the authors' own draws many
    published="PIE-Bench with SD 1.4, 32 steps, under Prompt-to-Prompt (arXiv:2312.04965): structure "
    "distance 0.00606; outside the edit PSNR 28.25, LPIPS 0.04396, SSIM 0.8561; CLIP 23.68, in it 20.87",
    shipped="As published: `inversion.skip` 0.45 keeps more (27 dB outside for 23) and asked "
    "changes fail more, 0.60 of twenty fresh cases either way",
)


class CycleEdit(Method):
    """Find the noise of a random walk that was drawn towards the picture, and walk again with the target.

    It keeps much and changes little. Of several tries the best by CLIP is what was published.
    """

    card: ClassVar[Card] = CARD
    steps: int = Field(default=99, ge=1, le=1000, description="denoising steps of the whole path")
    guidance: Guidance = 3.0
    inversion: Cycle = Field(default=Cycle(skip=0.31), description="how the noise is found")
    tries: int = Field(
        default=1, ge=1, le=100, description="random walks that are tried; of several CLIP says which is best"
    )

    def check(self, model: Model, task: Task) -> None:
        """Ranking needs a model with CLIP beside it."""
        _ = model.eye if self.tries > 1 else None

    def __call__(self, model: Model, task: Task) -> Outcome:
        """Find the noise, then walk back: the target alone, for nothing reads from the source."""
        path, texts = model.path(self.steps), (task.source, task.target, task.null)
        made: list[Latent] = []
        for k in range(self.tries):
            draws = Further(task.noise, k) if k else task.noise
            walk = self.inversion.walk(model, path, task.x0, texts, self.guidance, draws)
            made.append(walk.alone(model)["tgt"])
        return ranked(model, task, made) if self.tries > 1 else Outcome(made)


def ranked(model: Model, task: Task, made: Sequence[Latent]) -> Outcome:
    """The results by their directional score: the cosine, in CLIP, between their change and the prompts'."""
    source = model.look(task.pixels)
    old, new = (model.eye.read([text.prompt.text]) for text in (task.source, task.target))
    looks = [model.look(model.decode(x)) for x in made]
    scores = [float(cosine_similarity(look - source, new - old)) for look in looks]
    order = sorted(range(len(made)), key=lambda k: -scores[k])
    return Outcome([made[k] for k in order], scores={"direction": [scores[k] for k in order]})
