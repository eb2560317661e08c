"""DDIM inversion and Direct inversion, the two every other one is built from."""

from typing import Literal

import torch
from pydantic import Field

from overpaint.card import Cost, Paper
from overpaint.guides import CFG, Plain
from overpaint.inversions.base import Inversion
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Model
from overpaint.noise import Draws
from overpaint.path import Latent, Path
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


class DDIM(Inversion):
    """Walk the deterministic sampler backwards with the source prompt, without guidance."""

    name: Literal["ddim"] = "ddim"

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The sampler and its reversal."""
        return DDIM_PAPER, ODE_PAPER

    def cost(self, steps: int) -> Cost:
        """One row a step."""
        return Cost.of(steps)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Guiding the inversion would amplify its one approximation, so the conditional row is used as it is."""
        latents = walk_to_noise(model, path, x0, Branch("src", Plain(guide.text)))
        return Trajectory(path.t, torch.cat(latents))


class Direct(DDIM):
    """Direct (PnP) inversion: the source is put back on its inversion after every step, the target left alone."""

    name: Literal["direct"] = Field("direct")  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return DIRECT_PAPER, *super().papers

    @property
    def source_rows(self) -> int:
        """Pinned: the conditional row alone."""
        return 1

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """The published offsets pull the source back exactly; overwriting it is the same and needs no extra pass."""
        traj = super().run(model, path, x0, guide, noise)
        return Trajectory(traj.t, traj.latents, pinned=True)
