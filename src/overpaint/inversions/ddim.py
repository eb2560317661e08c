"""DDIM inversion and Direct inversion, the two every other one is built from."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.guides import CFG, Plain
from overpaint.inversions.base import Inversion, told
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Model
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
)

CONVENTION = (
    "how the inversion of a v-prediction is computed: as published (reconstructs best) or as the inverse "
    "scheduler of diffusers does it (layout and light change more easily)"
)


def inverted(
    model: Model, path: Path, x0: Latent, text: Text, convention: Convention = "published"
) -> Float[Tensor, "levels c h w"]:
    """DDIM inversion with the conditional row as it is: guiding it would amplify its one approximation."""
    return torch.cat(
        walk_to_noise(model, replace(path, convention=convention), x0, Branch("src", Plain(text)))
    )


class DDIM(Inversion):
    """Walk the deterministic sampler backwards with the source prompt, without guidance."""

    name: Literal["ddim"] = Field(default="ddim", description="the deterministic sampler, walked backwards")
    convention: Convention = Field(default="published", description=CONVENTION)

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The sampler and its reversal."""
        return DDIM_PAPER, ODE_PAPER

    def cost(self, steps: int) -> Cost:
        """One row a step."""
        return Cost.of(steps)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert with the source text."""
        return Trajectory(path.t, inverted(model, path, x0, told(guide), self.convention))


class Direct(Inversion):
    """Direct (PnP) inversion: the source is put back on its inversion after every step, the target is not.

    The published form measures how far a guided source strays at each step, in a pass of its own, and adds
    that to the source afterwards. Overwriting the source is the same to rounding, needs no extra pass, and
    leaves no use for the source's guidance: one row instead of eight. Put back, the source cannot get lost,
    so it takes the freer convention of diffusers: under the published one, the noise of a v-prediction keeps
    so much of the picture that day hardly becomes night.
    """

    name: Literal["direct"] = Field(default="direct", description="DDIM inversion, the source pinned to it")
    convention: Convention = Field(default="diffusers", description=CONVENTION)

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return DIRECT_PAPER, DDIM_PAPER, ODE_PAPER

    def cost(self, steps: int) -> Cost:
        """One row a step."""
        return Cost.of(steps)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """DDIM inversion, pinned."""
        return Trajectory(path.t, inverted(model, path, x0, told(guide), self.convention), pinned=True)

    @property
    def source_rows(self) -> int:
        """Pinned: the conditional row alone."""
        return 1
