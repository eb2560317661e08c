"""EDICT: two coupled latents, each moved by the noise that the other one shows: every step can be undone."""

from typing import Literal

import torch
from pydantic import Field

from overpaint.card import Cost, Paper
from overpaint.guides import CFG
from overpaint.guides.cfg import rows_at
from overpaint.inversions.base import Inversion
from overpaint.inversions.quality import Quality
from overpaint.inversions.trajectory import Trajectory
from overpaint.meter import Meter
from overpaint.model import Branch, Model
from overpaint.noise import Draws
from overpaint.path import Coupled, Latent, Path, Prediction, part
from overpaint.sample import Ask, Latents, Solver

EDICT_PAPER = Paper(
    "wallace2023edict",
    "Wallace, Bram and Gokul, Akash and Naik, Nikhil",
    "EDICT: Exact Diffusion Inversion via Coupled Transformations",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2023,
    "2211.12446",
    "https://github.com/salesforce/EDICT",
    "BSD-3-Clause",
)
PARTNER = "partner"
EXACT = Quality(
    None, "exact", "This inversion can be undone to the last digit, so nothing of the picture is lost by it."
)


class Edict(Inversion):
    """The picture twice, as ``x`` and ``y``; a step of one takes its noise from the other (arXiv:2211.12446).

    With ``D`` the deterministic step, a step forwards is ``x = D(x, eps(y))``, ``y = D(y, eps(x))`` and the
    mixing ``x = p x + (1 - p) y``, ``y = p y + (1 - p) x``. Each line can be solved for what it replaced,
    so the way to the noise is the way back to the last digit, whatever the guidance, if it is the same both
    ways. Rounding is multiplied by ``1 / p²`` a step on the way to the noise, hence float64 for latents.
    """

    name: Literal["edict"] = Field(default="edict", description="two coupled latents, exact at any guidance")
    strength: float = Field(
        default=0.8, ge=0, le=1, description="share of the path that is walked: less keeps more"
    )
    mix: float = Field(
        default=0.93, gt=0, le=1, description="how far the two stay apart at each step; 1 never mixes them"
    )
    alternate: bool = Field(default=True, description="let the other latent go first at every second step")

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method."""
        return (EDICT_PAPER,)

    @property
    def guided(self) -> bool:
        """Both ways with the same guidance."""
        return True

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """Guided, one latent at a time."""
        return (("src-", "src+"),)

    def cost(self, steps: int) -> Cost:
        """Two guided calls a step."""
        return Cost.of(4 * self.walked(steps))

    def cost_at(self, steps: int, scale: float) -> Cost:
        """Half of it where one row tells all."""
        return Cost.of(2 * rows_at(scale) * self.walked(steps))

    def grade(self, meter: Meter, own: bool) -> Quality:
        """Exact where nothing was measured: the way back is the same, backwards."""
        found = super().grade(meter, own)
        return EXACT if found.rms is None else found

    def walked(self, steps: int) -> int:
        """The share of the steps that ``strength`` says."""
        return part(steps, self.strength)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Every line of the steps solved backwards, last step first."""
        x, y = x0.double(), x0.double()
        levels = [torch.cat([x, y])]
        branches = [Branch("src", guide)]
        for i in reversed(range(len(path))):
            y = (y - (1 - self.mix) * x) / self.mix
            x = (x - (1 - self.mix) * y) / self.mix
            pair = [x, y]
            for k in reversed(self._order(i)):
                other = pair[1 - k]
                eps = model.predict({"src": other}, i, path, branches)["src"].eps
                pair[k] = moved(path, pair[k], eps, i + 1, i)
            x, y = pair
            levels.insert(0, torch.cat([x, y]))
        both = torch.stack(levels)
        return Trajectory(path.t, both[:, 0], more={PARTNER: both[:, 1]})

    def _order(self, i: int) -> tuple[int, int]:
        return (1, 0) if self.alternate and i % 2 else (0, 1)

    def level(self, traj: Trajectory, i: int) -> Coupled:
        """Both latents."""
        return torch.cat([traj.level(i), traj.more[PARTNER][i : i + 1]])

    def finish(self, x: Coupled) -> Latent:
        """The first of the two."""
        return x[:1]

    def solver(self, path: Path, traj: Trajectory) -> Solver:
        """Two calls a step, one for each latent of every branch, and the mixing."""

        def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
            pairs, ps = {name: [x[:1], x[1:]] for name, x in xs.items()}, dict[str, Prediction]()
            for k in self._order(i):
                ps = ask({name: pair[1 - k] for name, pair in pairs.items()})
                for name, pair in pairs.items():
                    pair[k] = moved(path, pair[k], ps[name].eps, i, i + 1)
            return {name: torch.cat(self._mixed(*pair)) for name, pair in pairs.items()}, ps

        return solver

    def _mixed(self, x: Latent, y: Latent) -> list[Latent]:
        x = self.mix * x + (1 - self.mix) * y
        return [x, self.mix * y + (1 - self.mix) * x]

    @property
    def source_rows(self) -> int:
        """Two guided calls a step."""
        return 4

    @property
    def target_rows(self) -> int:
        """Two guided calls a step."""
        return 4


def moved(path: Path, x: Latent, eps: Latent, level: int, to: int) -> Latent:
    """A latent at a level brought to another one under this noise: affine, so it can be undone."""
    return path.at(Prediction((x - path.sigma[level] * eps) / path.alpha[level], eps), to)
