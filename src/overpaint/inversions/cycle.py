"""CycleDiffusion: the noise of a random walk that was drawn knowing the picture it ends at."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, at_own
from overpaint.inversions.ddim import ROWS, guided_by, rows_of
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path, Prediction, part
from overpaint.sample import Solver, each, stochastic

CYCLE_PAPER = Paper(
    "wu2023latent",
    "Wu, Chen Henry and De la Torre, Fernando",
    "A Latent Space of Stochastic Diffusion Models for Zero-Shot Image Editing and Guidance",
    "IEEE/CVF International Conference on Computer Vision",
    2023,
    "2210.05559",
    "https://github.com/ChenWu98/cycle-diffusion",
    "X11",
)


class Cycle(Inversion):
    """Draw each level from the one before and the picture, and keep the noise that the network lacks for it.

    The picture is noised once. From then on ``x_next`` is a draw of the stochastic step whose prediction is
    the truth, the picture and the noise that is on it; ``z = (x_next - mu(x)) / std`` with ``mu`` the mean
    that the network expects is kept (the DPM-encoder of arXiv:2210.05559). Consecutive levels share most of
    their noise, so what is kept is small where the network knows the picture, and the picture's detail
    elsewhere.
    """

    own_guidance: ClassVar[bool] = True
    name: Literal["cycle"] = Field(
        default="cycle", description="the noise of each step of a random walk drawn towards the picture"
    )
    skip: float = Field(
        default=0.2, ge=0, le=1, description="share of the steps left out at the noise end: more keeps more"
    )
    eta: float = Field(
        default=0.1, gt=0, le=1, description="how random the walk is: less holds more of the picture"
    )
    source_guidance: float = Field(
        default=1.0, ge=0, le=30, description="guidance with the source prompt, while the noise is found"
    )
    pinned: bool = Field(
        default=True, description="put the source back on its way at each step: exact, and one row at most"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (CYCLE_PAPER,)

    @property
    def guided(self) -> bool:
        """It looks at the empty text, unless its own guidance is 1."""
        return self.source_guidance != 1

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """With its own guidance."""
        return (ROWS[rows_of(self.source_guidance)],)

    @property
    def random(self) -> bool:
        """It draws a picture's worth of noise for each level."""
        return True

    def cost(self, steps: int) -> Cost:
        """One call a step that is walked."""
        return Cost.of(self.walked(steps) * rows_of(self.source_guidance))

    def walked(self, steps: int) -> int:
        """All but the steps that are skipped."""
        return steps - part(steps, self.skip)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """From the noise end: each next level, and the noise that leads there from what is expected."""
        steps, found = len(path), list[Tensor]()
        branches = [Branch("src", guided_by(guide, self.source_guidance))]

        def drawn(i: int) -> Latent:
            return noise.normal(tuple(x0.shape), self.called, steps - i).to(x0)

        xs = [path.noised(x0, drawn(0), 0) if steps else x0]
        for i in range(steps):
            truth = Prediction(x0, (xs[i] - path.alpha[i] * x0) / path.sigma[i])
            mean, std = path.posterior(truth, i, self.eta)
            after = mean + std * drawn(i + 1) if i < steps - 1 else x0
            expected, _ = path.posterior(model.predict({"src": xs[i]}, i, path, branches)["src"], i, self.eta)
            # A step without a deviation has no noise to say what it lacks: it ends at what is expected.
            found.append((after - expected) / std if float(std) else torch.zeros_like(x0))
            xs.append(expected + std * found[i] if i < steps - 1 else after)
        noises = torch.cat(found) if found else None
        return Trajectory(path.t, torch.cat(xs), noise=noises, pinned=self.pinned)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """With its own guidance, unless it is put back anyway."""
        return at_own(text, null, 1.0 if traj.pinned else self.source_guidance, reads)

    def solver(self, path: Path, traj: Trajectory) -> Solver:
        """The stochastic step, every branch under the same kept noise."""
        return each(stochastic([] if traj.noise is None else list(traj.noise), self.eta))

    @property
    def source_rows(self) -> int:
        """Pinned, or without guidance: the conditional row alone."""
        return 1 if self.pinned or not self.guided else 2
