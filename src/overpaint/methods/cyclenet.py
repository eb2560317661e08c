"""CycleNet: noise, then back with the new prompt, while a side network holds on to the picture."""

from typing import Annotated, ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need, Paper
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.network import Pixels, Text
from overpaint.options import PLACE, Guidance, Tuned
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.sample import denoise, each, stochastic
from overpaint.sides.cyclenet import UNTRAINED, beside, opaque, translator
from overpaint.sides.net import Net
from overpaint.task import Task

CYCLENET = Paper(
    "xu2023cyclenet",
    "Xu, Sihan and Ma, Ziqiao and Huang, Yidong and Lee, Honglak and Chai, Joyce",
    "CycleNet: Rethinking Cycle Consistency in Text-Guided Diffusion for Image Manipulation",
    "Advances in Neural Information Processing Systems",
    2023,
    "2310.13165",
    "https://github.com/sled-group/CycleNet",
    "Apache-2.0",
)


CARD = Card(
    name="cyclenet",
    idea="Add some noise, then denoise with the new prompt against the old one, while a side network that "
    "was trained to go there and back looks at the picture.",
    papers=(CYCLENET,),
    needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
    families={"sd1": {}, "sd2": {}, "sdxl": {}},
    cost=lambda o: Cost.of(o.rows, sides=o.rows * (o.scale != 0), decodes=2 * o.there_and_back),
    layers=lambda o: frozenset({"return"} if o.there_and_back else ()),
    law=Law.NONE,
    random=True,
    official=Cost.of(100, sides=100),
    published="winter to summer on SD 2.1 and its own data: FID 77.16, CLIP 24.15, LPIPS 0.15 "
    "(arXiv:2310.13165)",
    trial={"net": UNTRAINED, "strength": 0.7},
    shipped="25 steps, `strength` 0.8, `guidance` 1.5: light goes over the whole picture, so more of "
    "the path is walked",
)


NetName = Annotated[
    str,
    Field(
        description="the side network: a file or folder; none: the model's own", json_schema_extra={**PLACE}
    ),
]


class CycleNet(Method):
    """The change a side network was trained for: the network reads the wish, it the picture and what is."""

    card: ClassVar[Card] = CARD
    net: NetName = ""
    steps: int = Field(default=100, ge=1, le=1000, description="denoising steps of the whole path")
    strength: float = Field(default=0.5, ge=0, le=1, description="share of the path walked: 0 keeps all")
    guidance: Guidance = 9.0
    eta: float = Field(default=1.0, ge=0, le=1, description="share of fresh noise in each step")
    scale: float = Field(default=1.0, ge=0, le=2, description="how strongly the side network speaks")
    there_and_back: bool = Field(default=False, description="translate the result back and compare")
    tuned: Tuned = "auto"

    @property
    def kept(self) -> int:
        """How many steps are walked; noise is added to the level before the first of them, as published."""
        return min(int(self.steps * self.strength), self.steps - 1)

    @property
    def rows(self) -> int:
        """Two a step, one without guidance, each way."""
        return rows_at(self.guidance) * self.kept * (1 + self.there_and_back)

    def check(self, model: Model, task: Task) -> None:
        """The side network must be there."""
        translator(self.net, model)

    def __call__(self, model: Model, task: Task) -> Latent | Outcome:
        """Translate, and if wished translate back."""
        net, texts = translator(self.net, model), (task.source, task.target)
        there = translated(self, net, model, task, task.x0, task.pixels, texts, "there")
        if not self.there_and_back:
            return there
        seen = model.decode(there)
        back = model.decode(
            translated(self, net, model, task, there, seen, (task.target, task.source), "back")
        )
        error = float(((back - task.pixels).clamp(-2, 2) / 2).square().mean().sqrt())
        return Outcome((there,), scores={"return error": (error,)}, layers={"return": opaque(back)})


def translated(
    how: CycleNet,
    net: Net,
    model: Model,
    task: Task,
    x0: Latent,
    picture: Pixels,
    texts: tuple[Text, Text],
    way: str,
) -> Latent:
    """A picture with the first text as one with the second; the first stands in for the empty prompt."""
    if not how.kept:
        return x0
    (source, target), whole = texts, model.path(how.steps)
    path = whole.last(how.kept)
    x = whole.noised(x0, task.noise.normal(task.shape, "cyclenet", way).to(x0), len(whole) - how.kept - 1)
    fresh = [task.noise.normal(task.shape, "cyclenet", way, i).to(x0) for i in range(len(path))]
    side = beside(net, picture, source, how.scale)
    branches = [Branch("tgt", CFG(target, source, how.guidance))]
    with model.side(side):
        return denoise(model, path, {"tgt": x}, branches, solver=each(stochastic(fresh, how.eta)))["tgt"]
