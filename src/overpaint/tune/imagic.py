"""Imagic's learning: first the text, until it tells of the picture; then the network, until it draws it.

Kawar et al., "Imagic: Text-Based Real Image Editing with Diffusion Models", CVPR 2023, arXiv:2210.09276,
section 3.2.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.errors import UsageError
from overpaint.files.store import Draft
from overpaint.model import Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent
from overpaint.tune.chapters import Chapter
from overpaint.tune.denoising import ASTRAY, missed
from overpaint.tune.learn import learn
from overpaint.tune.low_rank import low_rank
from overpaint.tune.patch import Weights
from overpaint.tune.sparing import sparing
from overpaint.tune.tuner import Tuner
from overpaint.tune.unfrozen import unfrozen

IMAGIC_PAPER = Paper(
    "kawar2023imagic",
    "Kawar, Bahjat and Zada, Shiran and Lang, Oran and Tov, Omer and Chang, Huiwen and Dekel, Tali and "
    "Mosseri, Inbar and Irani, Michal",
    "Imagic: Text-Based Real Image Editing with Diffusion Models",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2023,
    "2210.09276",
)
RATES = {"low-rank": 1e-4, "full": 1e-6}
"""Learning rates of the network that are usual for either form."""
STATES, POOLED = "states", "pooled"


class ImagicLearning(Tuner):
    """Tune the target's text to the picture, then the network to both.

    Both parts make ``|eps(x_t, t, e) - eps|²`` small over fresh noise at fresh levels, one at a time: first
    ``e`` alone, which begins as the target's text and must not get far from it, then the network with that
    ``e``. The text is tuned where it leaves its encoder; what SDXL pools of it is tuned as well.
    """

    text_updates: int = Field(default=500, ge=0, le=10_000, description="updates of the text")
    text_rate: float = Field(default=1e-3, gt=0, le=1, description="learning rate of the text")
    updates: int = Field(default=1000, ge=0, le=10_000, description="updates of the network")
    rate: float | None = Field(
        default=None, gt=0, le=1, description="its learning rate; by itself 1e-4 at low rank, 1e-6 in full"
    )
    tune: Literal["low-rank", "full"] = Field(
        default="low-rank", description="a small change to its attention, or all of its weights as published"
    )
    rank: int = Field(default=16, ge=1, le=512, description="numbers by which a layer changes, at low rank")
    pooled: bool = Field(default=True, description="also tune what SDXL pools of the text")
    sparing: bool = Field(
        default=False, description="compute twice what would take memory: half of it, a third more time"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (IMAGIC_PAPER,)

    @property
    def pace(self) -> float:
        """The learning rate of the network."""
        return RATES[self.tune] if self.rate is None else self.rate

    def cost(self) -> Cost:
        """A row and a backward pass an update."""
        every = self.text_updates + self.updates
        return Cost.of(every, every, updates=every)

    def check(self, model: Model) -> None:
        """Refuse what could not be learned.

        Raises:
            UsageError: all weights of a network in half precision, where steps so small are lost.
        """
        if self.tune == "full" and self.updates and model.dtype not in (torch.float32, torch.float64):
            raise UsageError(
                "All weights of a network in half precision cannot be tuned, as steps so small would be "
                "lost; choose the type float32, or tune at low rank."
            )

    def run(
        self, model: Model, examples: Sequence[Latent], texts: Mapping[str, Text], noise: Draws, draft: Draft
    ) -> dict[str, Tensor]:
        """Learn the text, then the network; a killed run goes on in the part where it was."""
        (x0,), target = examples, texts["target"]
        first = Chapter(draft, "text")
        found = target.tensors if self.pooled else target.tensors[:1]
        names = (STATES, POOLED)[: len(found)]
        free = {
            name: t.detach().float().clone().requires_grad_() for name, t in zip(names, found, strict=True)
        }
        with sparing(model.net, self.sparing):

            def of_text(k: int) -> Tensor:
                return missed(model, x0, told(target, free), noise, "imagic", k)

            rate = self.text_rate
            learn(model.meter, free, of_text, self.text_updates, rate, draft=first, most=ASTRAY)
            learned = {name: t.detach() for name, t in free.items()}
            text, then = told(target, learned), first.then("network")

            def of_network(k: int) -> Tensor:
                return missed(model, x0, text, noise, "imagic", self.text_updates + k)

            with self.opened(model, noise) as tuned:
                if tuned:
                    learn(model.meter, tuned, of_network, self.updates, self.pace, draft=then, most=ASTRAY)
                weights = {name: t.detach().clone() for name, t in tuned.items()}
        return {**{f"text/{name}": t for name, t in learned.items()}, **weights}

    @contextmanager
    def opened(self, model: Model, noise: Draws) -> Generator[dict[str, Tensor], None, None]:
        """What of the network is tuned, nothing where it has no updates; afterwards it is as before."""
        if not self.updates:
            yield {}
            return
        chosen = unfrozen(model.net) if self.tune == "full" else low_rank(model.net, self.rank, noise)
        with chosen as parameters:
            yield parameters

    def patch(self, tensors: Mapping[str, Tensor], model: Model) -> Weights:
        """The network's part as weights, the text beside them."""
        more = {name.removeprefix("text/"): t for name, t in tensors.items() if name.startswith("text/")}
        weights = {name: t for name, t in tensors.items() if not name.startswith("text/")}
        about = {
            "method": "imagic",
            "model": model.name,
            "options": self.model_dump_json(),
            "paper": f"arXiv:{IMAGIC_PAPER.arxiv}",
        }
        return Weights(weights, model.fingerprint, about, more)


def told(target: Text, learned: Mapping[str, Tensor]) -> Text:
    """The target's text with what was learned in its place."""
    return Text(learned[STATES], learned.get(POOLED, target.pooled), target.words, target.layers)


def between(target: Text, learned: Mapping[str, Tensor], eta: float) -> Text:
    """``eta`` of the way from the learned text to the target's (equation 3): at 0 the learned one itself."""
    tuned = told(target, learned)
    pooled = None
    if tuned.pooled is not None and target.pooled is not None:
        pooled = torch.lerp(tuned.pooled.to(target.pooled), target.pooled, eta)
    states = torch.lerp(tuned.states.to(target.states), target.states, eta)
    return Text(states, pooled, target.words, target.layers)
