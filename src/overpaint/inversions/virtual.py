"""Virtual inversion: the picture needs no noise to be found, for the noise that is put on it is known."""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, at_own
from overpaint.inversions.quality import Quality
from overpaint.inversions.trajectory import Trajectory
from overpaint.meter import Meter
from overpaint.model import Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path, Prediction, part
from overpaint.sample import Ask, Latents, Solver

INFEDIT_PAPER = Paper(
    "xu2024inversion",
    "Xu, Sihan and Huang, Yidong and Pan, Jiayi and Ma, Ziqiao and Chai, Joyce",
    "Inversion-Free Image Editing with Language-Guided Diffusion Models",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2024,
    "2312.04965",
    "https://github.com/sled-group/InfEdit",
    "CC-BY-NC-ND-4.0",
)
EXACT = Quality(
    None, "exact", "Nothing was inverted: at every level the source is the picture under known noise."
)


class Virtual(Inversion):
    """The source is the picture under fresh noise at every level, and the target what differs from it.

    A network that knew the picture ``z`` would name ``z`` itself and the noise that is on it. What it says of
    the source instead is its error, and the same error is taken off what it says of the target:
    ``x0 = z + x0(tgt) - x0(src)`` and ``eps = eps(src known) + eps(tgt) - eps(src)``. Then every step leads
    to ``alpha x0 + sigma (sqrt(1 - eta) eps + sqrt(eta) n)`` with the same draw ``n`` for both, and the last
    one to ``x0`` (denoising diffusion consistent models, arXiv:2312.04965, section 3). At eta 1, the
    published one, nothing but beliefs about the picture is carried along: a consistency model's step.
    """

    own_guidance: ClassVar[bool] = True
    name: Literal["virtual"] = Field(
        default="virtual", description="no inversion: known noise on the source, its error off the target"
    )
    strength: float = Field(
        default=1.0, ge=0, le=1, description="share of the path that is walked: less keeps more"
    )
    blind: bool = Field(
        default=True,
        description="a whole walk sets out from noise alone, as published; else from the picture under it",
    )
    eta: float = Field(default=1.0, ge=0, le=1, description="share of each level's noise that is drawn anew")
    source_guidance: float = Field(
        default=1.0, ge=0, le=30, description="guidance with the source prompt, where its error is looked for"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (INFEDIT_PAPER,)

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """None."""
        return ()

    @property
    def random(self) -> bool:
        """It draws a picture's worth of noise for each step."""
        return True

    @property
    def joined(self) -> bool:
        """The source's error is part of every step of the target."""
        return True

    def cost(self, steps: int) -> Cost:
        """Nothing."""
        return Cost()

    def grade(self, meter: Meter, own: bool) -> Quality:
        """There is nothing that could be lost."""
        return EXACT

    def walked(self, steps: int) -> int:
        """The share of the steps that ``strength`` says."""
        return part(steps, self.strength)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Draw, and put the picture under what was drawn; the start of a part of the path shows it always."""
        steps = len(path)

        def drawn(*key: str | int) -> Latent:
            return noise.normal(tuple(x0.shape), self.called, *key).to(x0)

        if not steps:
            return Trajectory(path.t, x0, pinned=True)
        fresh, first = [drawn(steps - i) for i in range(steps)], drawn("start")
        xs = [first if self.blind and steps == path.steps else path.noised(x0, first, 0)]
        on_it = known(path, 0, xs[0], x0)
        for i in range(1, steps):
            on_it = self._mixed(on_it, fresh[i - 1])
            xs.append(path.noised(x0, on_it, i))
        return Trajectory(path.t, torch.cat([*xs, x0]), noise=torch.cat(fresh), pinned=True)

    def _mixed(self, eps: Latent, fresh: Tensor) -> Latent:
        """The noise of the next level."""
        return (1 - self.eta) ** 0.5 * eps + self.eta**0.5 * fresh

    def solver(self, path: Path, traj: Trajectory) -> Solver:
        """The step of every branch, from what the network says of it beside the source."""
        picture, fresh = traj.latents[-1:], traj.noise

        def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
            ps = ask(xs)
            on_it, said = known(path, i, xs["src"], picture), ps["src"]
            ps = {
                name: Prediction(picture + (p.x0 - said.x0), on_it + (p.eps - said.eps))
                for name, p in ps.items()
            }
            if fresh is None or i + 1 == len(path):
                return {name: p.x0 for name, p in ps.items()}, ps
            drawn = fresh[i : i + 1]
            return {name: path.noised(p.x0, self._mixed(p.eps, drawn), i + 1) for name, p in ps.items()}, ps

        return solver

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """With its own guidance: what it says is its error."""
        return at_own(text, null, self.source_guidance, reads)

    @property
    def source_rows(self) -> int:
        """Without guidance the conditional row alone."""
        return 1 if self.source_guidance == 1 else 2


def known(path: Path, i: int, x: Latent, picture: Latent) -> Latent:
    """The noise that is on a picture at a level."""
    return (x - path.alpha[i] * picture) / path.sigma[i]
