"""Edit-friendly DDPM inversion: the noise of every step of a stochastic walk that ends at the picture."""

from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.guides import CFG, Plain
from overpaint.inversions.base import CONDITIONAL, Inversion, told
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Branch, Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path, Prediction, part
from overpaint.sample import Ask, Latents, Solver, second_order

EDIT_FRIENDLY_PAPER = Paper(
    "huberman2024edit",
    "Huberman-Spiegelglas, Inbar and Kulikov, Vladimir and Michaeli, Tomer",
    "An Edit Friendly DDPM Noise Space: Inversion and Manipulations",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2024,
    "2304.06140",
    "https://github.com/inbarhub/DDPM_inversion",
    "MIT",
)
DPM_PAPER = Paper(
    "lu2022dpmpp",
    "Lu, Cheng and Zhou, Yuhao and Bao, Fan and Chen, Jianfei and Li, Chongxuan and Zhu, Jun",
    "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion Probabilistic Models",
    "arXiv",
    2022,
    "2211.01095",
    "https://github.com/LuChengTHU/dpm-solver",
    "MIT",
)


class EditFriendly(Inversion):
    """Noise the picture to every level independently, and keep what leads from each to the next.

    With ``mu`` the mean of the stochastic step, ``z = (x_next - mu(x)) / std`` is the noise that takes one
    stored latent to the next (arXiv:2304.06140, algorithm 1). As the levels were noised independently, these
    maps vary more than noise does and hold the picture's structure, which they impose under another prompt.
    """

    own_guidance: ClassVar[bool] = True
    name: Literal["edit-friendly"] = Field(
        default="edit-friendly", description="the noise of each step of a random walk to the picture"
    )
    skip: float = Field(
        default=0.36, ge=0, le=1, description="share of the steps left out at the noise end: more keeps more"
    )
    source_guidance: float = Field(
        default=3.5, ge=0, le=30, description="guidance with the source prompt, while the noise is found"
    )
    eta: float = Field(default=1.0, gt=0, le=1, description="how random the walk is: 1 is DDPM")
    last_noise: bool = Field(
        default=False,
        description="keep the noise of the last step, which the published code sets to zero",
    )
    order: int = Field(
        default=1, ge=1, le=2, description="order of the steps: 1 is DDPM, 2 SDE-DPM-Solver++ for fewer steps"
    )
    pinned: bool = Field(
        default=True, description="put the source back on its way at each step, which saves it a row"
    )

    @model_validator(mode="after")
    def random_enough(self) -> "EditFriendly":
        """The second-order step is as random as it is."""
        if self.order == 2 and self.eta != 1:
            raise ValueError(f"steps of order 2 have an eta of 1, not {self.eta:g}; leave it out")
        return self

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (EDIT_FRIENDLY_PAPER,) if self.order == 1 else (EDIT_FRIENDLY_PAPER, DPM_PAPER)

    @property
    def guided(self) -> bool:
        """It looks at the empty text, unless its own guidance is 1."""
        return self.source_guidance != 1

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """With its own guidance."""
        return (("src-", "src+"),) if self.guided else (("src+",),)

    @property
    def random(self) -> bool:
        """It draws a picture's worth of noise for each level."""
        return True

    def cost(self, steps: int) -> Cost:
        """One call a step that is walked; the levels before are never looked at."""
        return Cost.of(self.walked(steps) * (2 if self.guided else 1))

    def walked(self, steps: int) -> int:
        """All but the steps that are skipped."""
        return steps - part(steps, self.skip)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """From the noise end: each stored latent's mean, and the noise that leads to the next one."""
        steps, found = len(path), list[Tensor]()
        drawn = (noise.normal(tuple(x0.shape), self.called, steps - i).to(x0) for i in range(steps))
        xs = [*(path.noised(x0, one, i) for i, one in enumerate(drawn)), x0]
        branches, before = [Branch("src", self._guide(told(guide), guide))], None
        for i in range(steps):
            p = model.predict({"src": xs[i]}, i, path, branches)["src"]
            mean, std = self._moments(path, i, xs[i], p, before)
            before = p
            dropped = float(std) == 0 or (i == steps - 1 and not self.last_noise)
            found.append(torch.zeros_like(x0) if dropped else (xs[i + 1] - mean) / std)
            if i < steps - 1:
                xs[i + 1] = mean + std * found[i]  # so that rounding does not add up on the way back
        noises = torch.cat(found) if found else None
        return Trajectory(path.t, torch.cat(xs), noise=noises, pinned=self.pinned)

    def _moments(
        self, path: Path, i: int, x: Latent, p: Prediction, before: Prediction | None
    ) -> tuple[Latent, Tensor]:
        """Mean and deviation of a step; between 0 and 1 the published eta scales the variance in the mean."""
        if self.order == 2:
            return second_order(path, i, x, p, before)
        _, whole = path.posterior(p, i, 1.0)
        noisy = (path.sigma[i + 1] ** 2 - self.eta * whole**2).clamp(min=0).sqrt()
        return path.alpha[i + 1] * p.x0 + noisy * p.eps, self.eta * whole

    def _guide(self, text: Text, guide: CFG) -> Guide:
        return CFG(text, guide.null, self.source_guidance) if self.guided else Plain(text)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """With its own guidance, unless it is put back anyway."""
        if traj.pinned or self.guided or not reads <= CONDITIONAL:
            return super().home(path, traj, text, null, self.source_guidance, reads)
        return Plain(text)

    def solver(self, path: Path, traj: Trajectory) -> Solver:
        """The stochastic step, every branch under the same stored noise, each with a past of its own."""
        before = dict[str, Prediction]()

        def step(i: int, x: Latent, p: Prediction, past: Prediction | None) -> Latent:
            mean, std = self._moments(path, i, x, p, past)
            return mean if traj.noise is None else mean + std * traj.noise[i : i + 1]

        def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
            ps = ask(xs)
            moved = {name: step(i, xs[name], p, before.get(name)) for name, p in ps.items()}
            before.update(ps)
            return moved, ps

        return solver

    @property
    def source_rows(self) -> int:
        """Pinned, or without guidance: the conditional row alone."""
        return 1 if self.pinned or not self.guided else 2
