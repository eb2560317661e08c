"""Fixed-point inversion: each step of DDIM inversion again and again, until it agrees with itself."""

from typing import ClassVar, Literal

import torch
from pydantic import Field

from overpaint.card import Cost, Paper
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, at_own
from overpaint.inversions.ddim import DDIM_PAPER, ROWS, guided_by, rows_of
from overpaint.inversions.edict import moved
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path

AIDI_PAPER = Paper(
    "pan2023effective",
    "Pan, Zhihong and Gherardi, Riccardo and Xie, Xiufeng and Huang, Stephen",
    "Effective Real Image Editing with Accelerated Iterative Diffusion Inversion",
    "IEEE/CVF International Conference on Computer Vision",
    2023,
    "2309.04907",
)
RENOISE_PAPER = Paper(
    "garibi2024renoise",
    "Garibi, Daniel and Patashnik, Or and Voynov, Andrey and Averbuch-Elor, Hadar and Cohen-Or, Daniel",
    "ReNoise: Real Image Inversion Through Iterative Noising",
    "European Conference on Computer Vision",
    2024,
    "2403.14602",
    "https://github.com/garibida/ReNoise-Inversion",
    "none stated",
)


class FixedPoint(Inversion):
    """Show the network the latent a step led to, take the step again from where it began, and so on.

    DDIM inversion takes the noise of the level it moves to from the latent it moves from. Where the step
    leads to is a better latent to ask about, and if asking no longer changes anything, the way back is the
    way there. What the last predictions say is averaged: after every pass (AIDI, arXiv:2309.04907, its
    empirical form), or in the last one (ReNoise, arXiv:2403.14602, without its noise statistics). The source
    walks home under the guidance it was inverted with, whatever the edit's.
    """

    own_guidance: ClassVar[bool] = True
    name: Literal["fixed-point"] = Field(
        default="fixed-point", description="the deterministic sampler backwards, each step until it agrees"
    )
    iterations: int = Field(
        default=5, ge=1, le=100, description="predictions at each step; 1 is DDIM inversion"
    )
    average: int = Field(default=2, ge=1, le=100, description="how many of the last predictions are averaged")
    averaged: Literal["always", "last"] = Field(
        default="always", description="at which pass they are: at every one (AIDI) or the last (ReNoise)"
    )
    guidance: float = Field(
        default=1.0,
        ge=0,
        le=30,
        description="guidance of the walk to noise, and of the source on its way home",
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The one whose averaging it is, and the sampler under it."""
        return (AIDI_PAPER if self.averaged == "always" else RENOISE_PAPER), DDIM_PAPER

    @property
    def guided(self) -> bool:
        """Only a guided walk to noise looks at the empty text."""
        return self.guidance != 1

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk to noise: one row, or both where it is guided."""
        return (ROWS[rows_of(self.guidance)],)

    def cost(self, steps: int) -> Cost:
        """A call a prediction."""
        return Cost.of(steps * self.iterations * rows_of(self.guidance))

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """From the data end: each step until its iterations are used up."""
        branches, latents = [Branch("src", guided_by(guide, self.guidance))], [x0]
        for i in reversed(range(len(path))):
            latents.insert(0, self._stepped(model, path, i, latents[0], branches))
        return Trajectory(path.t, torch.cat(latents))

    def _stepped(self, model: Model, path: Path, i: int, start: Latent, branches: list[Branch]) -> Latent:
        """From level ``i + 1`` to level ``i``: the first prediction is about where the step begins."""
        said, x = list[Latent](), start
        for k in range(self.iterations):
            level = None if k else i + 1
            said.append(model.predict({"src": x}, i, path, branches, level=level)["src"].eps)
            mean = self.averaged == "always" or k + 1 == self.iterations
            eps = torch.stack(said[-self.average :]).mean(0) if mean else said[-1]
            x = moved(path, start, eps, i + 1, i)
        return x

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """With the guidance it was inverted with: under another one it would not find home."""
        return at_own(text, null, self.guidance, reads)

    @property
    def source_rows(self) -> int:
        """Without guidance the conditional row alone."""
        return 1 if self.guidance == 1 else 2
