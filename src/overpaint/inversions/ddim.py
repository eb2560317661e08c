"""DDIM inversion and Direct inversion, the two every other one is built from."""

from dataclasses import replace
from typing import Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.guides import CFG, Plain
from overpaint.guides.cfg import rows_at
from overpaint.inversions.base import Inversion, empty, told
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Convention, Latent, Path
from overpaint.sample import After
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
OFFSETS = "offsets"
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
    so much of the picture that day hardly becomes night. ``every`` and ``scale`` are the paper's ablations,
    ``form`` the published one, which measures the source alone: the targets' rows there serve nobody.
    """

    name: Literal["direct"] = Field(default="direct", description="DDIM inversion, the source pinned to it")
    convention: Convention = Field(default="diffusers", description=CONVENTION)
    guidance: float = Field(default=1.0, ge=0, le=30, description=GUIDANCE)
    every: int = Field(default=1, ge=1, le=1000, description="put the source back at every k-th step only")
    scale: float = Field(default=1.0, ge=0, le=1, description="share of the way by which it is put back")
    form: Literal["overwrite", "offset"] = Field(
        default="overwrite",
        description="put the source back as it was stored, or add what it lacked in a guided walk of its "
        "own, as published: the same to rounding, at more rows",
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return DIRECT_PAPER, DDIM_PAPER, ODE_PAPER

    @property
    def guided(self) -> bool:
        """A guided walk looks at the empty text: to noise, or the one that measures."""
        return self.guidance != 1 or self._added

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk to noise: one row, or both where it is guided; and that which measures."""
        to_noise = (ROWS[rows_of(self.guidance)],)
        return (*to_noise, ROWS[2]) if self._added else to_noise

    def cost(self, steps: int) -> Cost:
        """One row a step, two where the walk to noise is guided; two more where what is added is measured."""
        return Cost.of(steps * (rows_of(self.guidance) + 2 * self._added))

    def cost_at(self, steps: int, scale: float) -> Cost:
        """What is added is measured under the edit's guidance."""
        return Cost.of(steps * (rows_of(self.guidance) + rows_at(scale) * self._added))

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """DDIM inversion, pinned, or with what is to be added."""
        by = guided_by(guide, self.guidance)
        traj = Trajectory(path.t, inverted(model, path, x0, by, self.convention), pinned=not self._added)
        return replace(traj, more={OFFSETS: self._lacked(model, path, traj, guide)}) if self._added else traj

    def _lacked(self, model: Model, path: Path, traj: Trajectory, guide: CFG) -> Float[Tensor, "steps c h w"]:
        """What the guided source lacks after each step, walking on with it."""
        x, found, branches = traj.start, list[Latent](), [Branch("src", guide)]
        for i in range(len(path)):
            moved = path.at(model.predict({"src": x}, i, path, branches)["src"], i + 1)
            found.append(self.held(i) * (traj.level(i + 1) - moved))
            x = moved + found[i]
        return torch.cat(found)

    def follow(self, model: Model, traj: Trajectory) -> After:
        """It is put back, or what it lacked is added."""
        return traj.follow(model, held=self.held, added=traj.more.get(OFFSETS))

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
        return self.every > 1 or self.scale < 1 or self._added

    @property
    def _added(self) -> bool:
        return self.form == "offset"

    @property
    def source_rows(self) -> int:
        """Pinned: the conditional row alone, unless it is not always put back as it was stored."""
        return 2 if self._loose else 1
