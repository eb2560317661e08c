"""DiffusionCLIP's learning: the network is tuned until what it makes of pictures moves as two prompts differ.

Kim, Kwon and Ye, "DiffusionCLIP: Text-Guided Diffusion Models for Robust Image Manipulation", CVPR 2022,
arXiv:2110.02711, section 3.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize

from overpaint.card import Cost, Paper
from overpaint.errors import UsageError
from overpaint.files.store import Draft
from overpaint.guides import Plain
from overpaint.guides.clip import ClipName
from overpaint.losses.clip import between, directional, understood
from overpaint.model import Branch, Model
from overpaint.network import Eye, Pixels, Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path, Prediction
from overpaint.tune.asymmetric import End, stairs, to_noise
from overpaint.tune.chapters import Chapter
from overpaint.tune.learn import learn
from overpaint.tune.low_rank import layers, low_rank
from overpaint.tune.patch import Weights
from overpaint.tune.sparing import sparing
from overpaint.tune.tuner import Tuner
from overpaint.tune.unfrozen import unfrozen

DIFFUSION_CLIP_PAPER = Paper(
    "kim2022diffusionclip",
    "Kim, Gwanghyun and Kwon, Taesung and Ye, Jong Chul",
    "DiffusionCLIP: Text-Guided Diffusion Models for Robust Image Manipulation",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2022,
    "2110.02711",
    "https://github.com/gwang-kim/DiffusionCLIP",
    "none stated",
)
RATES = {"low-rank": 2e-4, "full": 8e-6}
"""Learning rates that are usual for either form."""
LAST = "state/latent"
"""Where a draft has the latent of a walk that is on its way."""
ASTRAY = 1e3
"""Of the loss, whose parts are a few at most: beyond that nothing is left of the pictures."""


class DiffusionCLIPLearning(Tuner):
    """Walk pictures to noise once, then tune the network on the way back, picture after picture.

    The loss is ``clip · -log((1 + cos) / 2) + l1 · |x - x0|``, with the cosine between the way of the
    pictures and that of the prompts in CLIP's space (as the published code has it; the paper writes
    ``1 - cos``). Quick, the whole way back is walked with gradients, for one update a picture; step by step
    there is one for each step, on the belief about the picture there: in the memory of a single call.
    """

    pictures: int = Field(default=1, ge=1, le=10_000, description="how many are learned from: 1 is its own")
    level: int = Field(default=400, ge=1, le=999, description="training level up to which noise is added")
    to_noise: int = Field(default=40, ge=2, le=1000, description="levels on the way to noise")
    back: int = Field(default=6, ge=2, le=1000, description="steps on the way back")
    end: End = Field(default="clean", description="where the way back ends: without noise, or at level 0")
    mode: Literal["quick", "each-step"] = Field(
        default="quick", description="an update for each picture, or for each of its steps, with less memory"
    )
    passes: int = Field(default=5, ge=0, le=1000, description="passes over the pictures")
    rate: float | None = Field(
        default=None, gt=0, le=1, description="learning rate; by itself 2e-4 at low rank, 8e-6 in full"
    )
    rise: float = Field(default=1.3, ge=0.1, le=10, description="by how much the rate grows with each pass")
    clip_weight: float = Field(
        default=3.0, ge=0, le=1e4, description="how much the way in CLIP's space counts"
    )
    l1_weight: float = Field(
        default=1.0, ge=0, le=1e4, description="how much it counts to stay the picture it was"
    )
    clip: ClipName = ""
    tune: Literal["auto", "low-rank", "full"] = Field(
        default="auto",
        description="a small change to its attention, or all weights as published, as where there is none",
    )
    rank: int = Field(default=16, ge=1, le=512, description="numbers by which a layer changes, at low rank")
    sparing: bool = Field(
        default=False, description="compute twice what would take memory: half of it, a third more time"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (DIFFUSION_CLIP_PAPER,)

    def form(self, model: Model) -> Literal["low-rank", "full"]:
        """What of the network is tuned."""
        if self.tune == "auto":
            return "low-rank" if layers(model.net) else "full"
        return self.tune

    def pace(self, model: Model) -> float:
        """The learning rate of the first pass."""
        return RATES[self.form(model)] if self.rate is None else self.rate

    @property
    def updates(self) -> int:
        """Of all passes."""
        return self.passes * self.pictures * (1 if self.mode == "quick" else self.back)

    def cost(self) -> Cost:
        """The way to noise of each picture, and for every pass its way back with gradients.

        Each picture is decoded and shown to CLIP once, and again for every update.
        """
        if not self.updates:
            return Cost()
        seen = self.pictures + self.updates
        rows = self.pictures * (self.to_noise - 1 + self.passes * self.back)
        depth = self.back if self.mode == "quick" and not self.sparing else 1
        return Cost.of(rows, self.updates, updates=self.updates, looks=seen, decodes=seen, depth=depth)

    def check(self, model: Model) -> None:
        """Refuse what could not be learned.

        Raises:
            UsageError: all weights of a network in half precision, where steps so small are lost, a loss that
                is nothing, or grids that the model does not have.
        """
        if self.form(model) == "full" and self.updates and model.dtype not in (torch.float32, torch.float64):
            raise UsageError(
                "All weights of a network in half precision cannot be tuned, as steps so small would be "
                "lost; choose the type float32, or tune at low rank."
            )
        if not self.clip_weight:
            raise UsageError("Without CLIP's share in the loss nothing is learned; give clip_weight above 0.")
        _ = model.eye_of(self.clip)
        for steps in (self.to_noise, self.back):
            stairs(model, self.level, steps, self.end)

    def depends(self, model: Model) -> Sequence[str]:
        """CLIP, of which the options have the name alone, and the words of the sentences it reads."""
        return (model.eye_of(self.clip).fingerprint, ",".join(sorted(model.suits.vocabulary)))

    def run(
        self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Draws, draft: Draft
    ) -> dict[str, Tensor]:
        """Learn; a killed run goes on where it was."""
        if not self.updates:
            return {}
        goal = Goal.of(self, model, texts)
        first = Chapter(draft, "noise")
        starts = self.inverted(model, examples, texts["source"], first)
        learner = Learner(self, model, texts["source"], starts, [goal.seen(model, x) for x in examples], goal)
        then = Walking(first.then("network"), learner)
        with sparing(model.net, self.sparing), self.opened(model, noise) as tuned:
            loss = learner.quick if self.mode == "quick" else learner.step
            learn(model.meter, tuned, loss, self.updates, learner.rate, draft=then, most=ASTRAY)
            return {name: t.detach().clone() for name, t in tuned.items()}

    def inverted(self, model: Model, examples: Sequence[Latent], text: Text, draft: Draft) -> list[Latent]:
        """Every picture's noise, those that an earlier run found among them."""
        left, path = draft.read(), stairs(model, self.level, self.to_noise, self.end)
        found = [left[str(k)] for k in range(len(examples)) if str(k) in left]
        for x0 in examples[len(found) :]:
            found.append(to_noise(model, path, x0, text))
            draft.keep({str(k): x for k, x in enumerate(found)})
        return found

    @contextmanager
    def opened(self, model: Model, noise: Draws) -> Generator[dict[str, Tensor], None, None]:
        """What of the network is tuned; afterwards it is as before."""
        full = self.form(model) == "full"
        with unfrozen(model.net) if full else low_rank(model.net, self.rank, noise) as parameters:
            yield parameters

    def patch(self, tensors: Mapping[str, Tensor], model: Model) -> Weights:
        """The network's change."""
        about = {
            "method": "diffusion-clip",
            "model": model.name,
            "options": self.model_dump_json(),
            "paper": f"arXiv:{DIFFUSION_CLIP_PAPER.arxiv}",
        }
        return Weights(tensors, model.fingerprint, about)


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture as it was, and as CLIP sees it."""

    pixels: Pixels
    look: Float[Tensor, "1 features"]


@dataclass(frozen=True, eq=False)
class Goal:
    """What is wished for: the way of the prompts in CLIP's space, and what a picture is held to."""

    eye: Eye
    way: Float[Tensor, "1 features"]
    clip_weight: float
    l1_weight: float

    @staticmethod
    def of(o: DiffusionCLIPLearning, model: Model, texts: Mapping[str, Text]) -> "Goal":
        """The way from one prompt to the other, a mean over the sentences that the model understands."""
        eye, templates = model.eye_of(o.clip), understood(model.suits.vocabulary)
        source, target = (texts[name].prompt.text for name in ("source", "target"))
        return Goal(eye, between(eye, source, target, templates), o.clip_weight, o.l1_weight)

    def look(self, model: Model, pixels: Pixels) -> Float[Tensor, "1 features"]:
        """A picture in CLIP's space, counted."""
        model.meter.tick("look")
        return normalize(self.eye.embed(pixels), dim=-1)

    def seen(self, model: Model, x0: Latent) -> Seen:
        """A picture that is learned from."""
        pixels = model.decode(x0)
        return Seen(pixels, self.look(model, pixels))

    def missed(self, model: Model, x: Latent, was: Seen) -> Float[Tensor, ""]:
        """How far a picture is from what is wished for."""
        pixels = model.decode(x)
        apart = directional(was.look, self.look(model, pixels), self.way).mean()
        held = (pixels - was.pixels).abs().mean()
        model.meter.note("direction", float(apart.detach()))
        model.meter.note("l1", float(held.detach()))
        return self.clip_weight * -((2 - apart) / 2).log() + self.l1_weight * held


@dataclass(eq=False)
class Learner:
    """The way back of every picture, as a loss for each update."""

    o: DiffusionCLIPLearning
    model: Model
    text: Text
    starts: Sequence[Latent]
    seen: Sequence[Seen]
    goal: Goal
    x: Latent | None = None
    """Where the walk of a picture has come to, step by step."""
    path: Path = field(init=False)

    def __post_init__(self) -> None:
        self.path = stairs(self.model, self.o.level, self.o.back, self.o.end)

    def rate(self, k: int) -> float:
        """The learning rate of an update, noted: it grows with each pass."""
        now = self.o.pace(self.model) * self.o.rise ** (k * self.o.passes // self.o.updates)
        self.model.meter.note("rate", now)
        return now

    def believed(self, x: Latent, i: int) -> Prediction:
        """What the network makes of a latent at a step."""
        branch = Branch("learned", Plain(self.text))
        return self.model.predict({branch.name: x}, i, self.path, [branch])[branch.name]

    def quick(self, k: int) -> Float[Tensor, ""]:
        """The whole way back of one picture."""
        place = k % len(self.starts)
        x = self.starts[place]
        for i in range(len(self.path)):
            x = self.path.at(self.believed(x, i), i + 1)
        return self.goal.missed(self.model, x, self.seen[place])

    def step(self, k: int) -> Float[Tensor, ""]:
        """One step of it, from where the last one led."""
        walk, i = divmod(k, len(self.path))
        place = walk % len(self.starts)
        x = self.starts[place] if self.x is None or not i else self.x
        p = self.believed(x, i)
        self.x = self.path.at(p, i + 1).detach()
        return self.goal.missed(self.model, p.x0, self.seen[place])


@dataclass(frozen=True)
class Walking:
    """A draft in which the latent of a walk is kept too."""

    draft: Draft
    learner: Learner

    def read(self) -> Mapping[str, Tensor]:
        """What an earlier run left; the walk goes on from its latent."""
        left = dict(self.draft.read())
        self.learner.x = left.pop(LAST, None)
        return left

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """The same with the latent."""
        self.draft.keep(found if self.learner.x is None else {**found, LAST: self.learner.x})
