"""DDIM inversion and Direct inversion, the two every other one is built from."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.guides import CFG, Plain
from overpaint.inversions.base import Inversion, empty, told
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Convention, Latent, Path
from overpaint.sample import noise as walk_to_noise

DDIM_PAPER = Paper(
    "song2021ddim",
    "Song, Jiaming and Meng, Chenlin and Ermon, Stefano",
    "Denoising Diffusion Implicit Models",
    "International Conference on Learning Representations",
    2021,
    "2010.02502",
)
ODE_PAPER = Paper(
    "dhariwal2021diffusion",
    "Dhariwal, Prafulla and Nichol, Alexander",
    "Diffusion Models Beat GANs on Image Synthesis",
    "Advances in Neural Information Processing Systems",
    2021,
    "2105.05233",
)
DIRECT_PAPER = Paper(
    "ju2024pnp",
    "Ju, Xuan and Zeng, Ailing and Bian, Yuxuan and Liu, Shaoteng and Xu, Qiang",
    "PnP Inversion: Boosting Diffusion-based Editing with 3 Lines of Code",
    "International Conference on Learning Representations",
    2024,
    "2310.01506",
    "https://github.com/cure-lab/PnPInversion",
    "none stated",
)

CONVENTION = (
    "how the inversion of a v-prediction is computed: as published (reconstructs best) or as the inverse "
    "scheduler of diffusers does it (layout and light change more easily)"
)

GUIDANCE = "guidance of the walk to noise; 1 is the source prompt as it is, which reconstructs best"
ROWS = {1: ("src+",), 2: ("src-", "src+")}


def rows_of(scale: float) -> int:
    """Rows a step of a walk to noise with that guidance."""
    return 1 if scale in (0, 1) else 2


def inverted(
    model: Model, path: Path, x0: Latent, by: Text | Guide, convention: Convention = "published"
) -> Float[Tensor, "levels c h w"]:
    """DDIM inversion, with a text as it is: guiding it would amplify its one approximation."""
    guide = Plain(by) if isinstance(by, Text) else by
    return torch.cat(walk_to_noise(model, replace(path, convention=convention), x0, Branch("src", guide)))


def guided_by(guide: CFG, scale: float) -> Guide:
    """The guide of a walk to noise: one row where one text alone has a say."""
    if scale in (0, 1):
        return Plain(told(guide) if scale else empty(guide))
    return replace(guide, scale=scale)


class DDIM(Inversion):
    """Walk the deterministic sampler backwards with the source prompt, without guidance."""

    name: Literal["ddim"] = Field(default="ddim", description="the deterministic sampler, walked backwards")
    convention: Convention = Field(default="published", description=CONVENTION)
    guidance: float = Field(default=1.0, ge=0, le=30, description=GUIDANCE)

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The sampler and its reversal."""
        return DDIM_PAPER, ODE_PAPER

    @property
    def guided(self) -> bool:
        """Only a guided walk to noise looks at the empty text."""
        return self.guidance != 1

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk to noise: one row, or both where it is guided."""
        return (ROWS[rows_of(self.guidance)],)

    def cost(self, steps: int) -> Cost:
        """One row a step, two where the walk to noise is guided."""
        return Cost.of(steps * rows_of(self.guidance))

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert with the source text."""
        by = guided_by(guide, self.guidance)
        return Trajectory(path.t, inverted(model, path, x0, by, self.convention))


class Direct(Inversion):
    """Direct (PnP) inversion: the source is put back on its inversion after every step, the target is not.

    The published form measures how far a guided source strays at each step, in a pass of its own, and adds
    that to the source afterwards. Overwriting the source is the same to rounding, needs no extra pass, and
    leaves no use for the source's guidance: one row instead of eight. Put back, the source cannot get lost,
    so it takes the freer convention of diffusers: under the published one, the noise of a v-prediction keeps
    so much of the picture that day hardly becomes night. ``every`` and ``scale`` are the paper's ablations.
    """

    name: Literal["direct"] = Field(default="direct", description="DDIM inversion, the source pinned to it")
    convention: Convention = Field(default="diffusers", description=CONVENTION)
    guidance: float = Field(default=1.0, ge=0, le=30, description=GUIDANCE)
    every: int = Field(default=1, ge=1, le=1000, description="put the source back at every k-th step only")
    scale: float = Field(default=1.0, ge=0, le=1, description="share of the way by which it is put back")

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return DIRECT_PAPER, DDIM_PAPER, ODE_PAPER

    @property
    def guided(self) -> bool:
        """Only a guided walk to noise looks at the empty text."""
        return self.guidance != 1

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk to noise: one row, or both where it is guided."""
        return (ROWS[rows_of(self.guidance)],)

    def cost(self, steps: int) -> Cost:
        """One row a step, two where the walk to noise is guided."""
        return Cost.of(steps * rows_of(self.guidance))

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """DDIM inversion, pinned."""
        by = guided_by(guide, self.guidance)
        return Trajectory(path.t, inverted(model, path, x0, by, self.convention), pinned=True)

    def held(self, i: int) -> float:
        """Its share, at the first step and every k-th from there."""
        return 0.0 if i % self.every else self.scale

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """Where the source is left to itself it needs its guidance."""
        if self._loose:
            traj = replace(traj, pinned=False)
        return super().home(path, traj, text, null, scale, reads)

    @property
    def _loose(self) -> bool:
        return self.every > 1 or self.scale < 1

    @property
    def source_rows(self) -> int:
        """Pinned: the conditional row alone, unless it is not always put back."""
        return 2 if self._loose else 1
