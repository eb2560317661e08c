"""Regularised inversion: at each step the noise that is found is first made to look like noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import torch
from pydantic import Field

from overpaint.card import Cost, Paper
from overpaint.errors import NotFinite, UsageError
from overpaint.finite import finite
from overpaint.guides import CFG, Plain
from overpaint.inversions.base import CONDITIONAL, Inversion, told
from overpaint.inversions.ddim import CONVENTION, DDIM_PAPER, GUIDANCE, ROWS, guided_by, inverted, rows_of
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Call, Guide, Line, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Convention, Latent, Path, Prediction
from overpaint.tune.whiten import descended, excess, patterns, sides

PIX2PIX_ZERO_PAPER = Paper(
    "parmar2023zero",
    "Parmar, Gaurav and Singh, Krishna Kumar and Zhang, Richard and Li, Yijun and Lu, Jingwan "
    "and Zhu, Jun-Yan",
    "Zero-shot Image-to-Image Translation",
    "ACM SIGGRAPH Conference Proceedings",
    2023,
    "2302.03027",
    "https://github.com/pix2pixzero/pix2pix-zero",
    "MIT",
)


FEWEST = 3
"""Steps of which the published code visits any."""


class Regularised(Inversion):
    """DDIM inversion whose noise is kept white at every step (arXiv:2302.03027, section 3.2).

    Before a step is taken, its noise goes down the gradients of two losses, ``rounds`` times: of its patterns
    at several scales, a little for each of ``rolls`` random shifts, and of its distance from mean 0 and
    spread 1. The network itself is not differentiated. The further the noise is changed, the less the way
    back finds the picture. As published for real pictures, the source prompt then stands in for the empty
    one, so that the source finds home whatever the guidance.
    """

    name: Literal["regularised"] = Field(
        default="regularised", description="DDIM inversion whose noise is kept white"
    )
    ac: float = Field(
        default=20.0,
        ge=0,
        le=1000,
        description="how strongly patterns are taken out of the noise, each round",
    )
    kl: float = Field(
        default=20.0, ge=0, le=1000, description="how strongly its spread is brought to one, each round"
    )
    rounds: int = Field(default=5, ge=0, le=100, description="how often both are done at each step")
    rolls: int = Field(default=5, ge=1, le=100, description="random shifts for the patterns in each round")
    min_roll: int = Field(
        default=1, ge=0, le=64, description="the least shift, in cells; 0 as diffusers has it punishes spread"
    )
    grid: Literal["aligned", "official"] = Field(
        default="aligned",
        description="levels of the walk to noise: those of the way back, or those of the published code, "
        "which calls the network two times less and ends a level off",
    )
    negative: Literal["source", "nothing"] = Field(
        default="source", description="what stands in for the empty prompt on the way back"
    )
    convention: Convention = Field(default="published", description=CONVENTION)
    guidance: float = Field(default=1.0, ge=0, le=30, description=GUIDANCE)

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return PIX2PIX_ZERO_PAPER, DDIM_PAPER

    @property
    def guided(self) -> bool:
        """Only a guided walk to noise looks at the empty text."""
        return self.guidance != 1

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk to noise: one row, or both where it is guided."""
        return (ROWS[rows_of(self.guidance)],)

    @property
    def random(self) -> bool:
        """It draws the shifts, where patterns are looked for."""
        return self.ac > 0 and self.rounds > 0

    def check(self, model: Model, steps: int) -> None:
        """The published levels are two less than the steps.

        Raises:
            UsageError: none is left, so that the picture itself would pass for noise.
        """
        if self.grid == "official" and steps < FEWEST:
            raise UsageError(
                f"The published levels leave out two of {steps} steps, so nothing would be inverted; take "
                f"{FEWEST} at least, or the grid 'aligned'."
            )

    def cost(self, steps: int) -> Cost:
        """A row a step; the descents, none of which goes through the network, are counted as updates."""
        called = steps if self.grid == "aligned" else max(steps - 2, 0)
        return Cost.of(called * rows_of(self.guidance), updates=called * self.descents)

    @property
    def descents(self) -> int:
        """How many there are at each step."""
        return self.rounds * (self.rolls * (self.ac > 0) + (self.kl > 0))

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert; the text to use in place of the empty one goes with the trajectory."""
        own = path if self.grid == "aligned" else official(model, path)
        by = Regular(guided_by(guide, self.guidance), self, noise)
        found = inverted(model, own, x0, by, self.convention)
        latents = torch.cat([found, *[x0] * (len(path) + 1 - len(found))])
        if self.negative == "nothing":
            return Trajectory(path.t, latents)
        return Trajectory(path.t, latents, told(guide).states, told(guide).pooled)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """Guided from the source prompt to itself: one row tells all, unless somebody reads the other."""
        if self.negative == "source" and reads <= CONDITIONAL:
            return Plain(text)
        return super().home(path, traj, text, null, scale, reads)

    @property
    def source_rows(self) -> int:
        """One, as both rows of the source would be the same; two where they are not."""
        return 1 if self.negative == "source" else 2


def official(model: Model, path: Path) -> Path:
    """The levels that the published code walks: a training level off, without the cleanest and the noisiest.

    The network is told ``t`` while the latent goes from ``alpha_bar[t - 1]`` to ``alpha_bar[t' - 1]``, where
    ``t'`` is the next noisier level; the picture passes for a latent at the first of them.
    """
    bars = model.family.schedule.bars[(path.t[:-1] - 1).clamp(min=0)]
    if not len(bars):
        return path.last(0)
    return replace(path, t=path.t[1:-1], alpha=bars.sqrt(), sigma=(1 - bars).sqrt())


@dataclass(frozen=True)
class Regular(Guide):
    """Any guide, its noise made white."""

    base: Guide
    how: Regularised
    noise: Draws

    def begin(self) -> Guide:
        """The guide inside begins anew."""
        return replace(self, base=self.base.begin())

    def lines(self, i: int) -> Sequence[Line]:
        """Those of the guide inside."""
        return self.base.lines(i)

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """What the guide inside makes of its rows, with other noise, at the level where the latent sits.

        Raises:
            NotFinite: the descents are too steep.
        """
        found = self.base.combine(own, call)
        if not self.how.descents:
            return found
        eps = self._white(found.eps, call)
        if finite([found.eps]) and not finite([eps]):
            raise NotFinite(
                f"The regularised noise stopped being numbers at step {call.i + 1}: its descents "
                "are too steep; lower the options 'ac' and 'kl' of the inversion."
            )
        return call.holding(eps)

    def _white(self, eps: Latent, call: Call) -> Latent:
        how, (_, channels, height, width) = self.how, eps.shape
        drawn = (
            [
                self.noise.integers(
                    how.min_roll, most(side, how.min_roll), (how.rounds, how.rolls, channels), *key
                )
                for level, side in enumerate(sides(height, width))
                for key in [("roll", call.i, level)]
            ]
            if how.random
            else []
        )
        for k in range(how.rounds):
            for j in range(how.rolls if how.ac else 0):
                loss = partial(patterns, shifts=[own[k, j] for own in drawn])
                eps = descended(call.meter, eps, loss, how.ac / how.rolls)
            if how.kl:
                eps = descended(call.meter, eps, excess, how.kl)
        return eps


def most(side: int, least: int) -> int:
    """The end of the range of shifts: half a side, or just the least one where that is no smaller."""
    return max(side // 2, least + 1)
