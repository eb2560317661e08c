"""Null-text inversion: the empty prompt is tuned at every step, so that guided sampling stays on course."""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from overpaint.card import Cost, Paper
from overpaint.files.store import Draft, NoDraft
from overpaint.finite import finite, stopped
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, empty, told
from overpaint.inversions.ddim import DDIM_PAPER, inverted
from overpaint.inversions.trajectory import Trajectory
from overpaint.model import Line, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path
from overpaint.tune.fit import fit

NULL_TEXT_PAPER = Paper(
    "mokady2023null",
    "Mokady, Ron and Hertz, Amir and Aberman, Kfir and Pritch, Yael and Cohen-Or, Daniel",
    "Null-text Inversion for Editing Real Images using Guided Diffusion Models",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2023,
    "2211.09794",
    "https://github.com/google/prompt-to-prompt",
)


@dataclass(frozen=True)
class _Step:
    """One step of the guided walk home, as a function of the empty prompt's embedding."""

    model: Model
    path: Path
    i: int
    x: Latent
    scale: float
    pooled: Tensor | None

    def row(self, sign: str, text: Text) -> Latent:
        """One row of the network as the next latent; steps are affine, so guidance may act on latents."""
        p = self.model.rows(self.x, self.i, self.path, ["src" + sign], [Line(sign, text)])
        return self.path.at(p, self.i + 1)

    def guided(self, conditional: Latent, states: Tensor) -> Latent:
        """The next latent with this embedding for the empty prompt."""
        null = self.row("-", Text(states, self.pooled))
        return null + self.scale * (conditional - null)


class NullText(Inversion):
    """Tune the empty prompt of each step so that guided sampling with the source prompt meets the inversion.

    At step ``i`` Adam, made anew, minimises ``mean((x - y)²)``, where ``x`` is the guided step from where the
    walk stands and ``y`` the next latent of the DDIM inversion. The embedding starts from that of the step
    before, and the walk goes on from its own latent, so later steps mend what earlier ones left
    (arXiv:2211.09794, algorithm 1). Only the token states are tuned; a pooled text stays as it is.
    """

    name: Literal["null-text"] = Field(default="null-text", description="tune the empty prompt of every step")
    inner: int = Field(
        default=10, ge=0, le=1000, description="updates of the empty prompt at each step, at most"
    )
    lr: float = Field(
        default=1e-2, gt=0, le=1, description="learning rate of the first step; it halves on the way"
    )
    stop: float = Field(default=1e-5, ge=0, description="loss below which the first step stops early")
    relax: float = Field(default=2e-5, ge=0, description="what is added to that loss at each further step")

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return NULL_TEXT_PAPER, DDIM_PAPER

    @property
    def guided(self) -> bool:
        """The tuned texts belong to one guidance."""
        return True

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """A row by itself each time, so that one of them can be tuned."""
        return ("src+",), ("src-",)

    @property
    def silent_rows(self) -> int:
        """Both, as the tuned text is another one than the empty one."""
        return 2 if self.inner else 1

    def cost(self, steps: int) -> Cost:
        """A row a step to invert, two to walk home, and for every update one with a backward pass."""
        if not self.inner:
            return Cost.of(steps)
        return Cost((4 * steps, (3 + self.inner) * steps), (steps, self.inner * steps))

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert, then tune from the noise end on."""
        return self.resume(model, path, x0, guide, noise, NoDraft())

    def resume(
        self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws, draft: Draft
    ) -> Trajectory:
        """The same, step by step in a draft: Adam is made anew at each, so nothing else has to be kept."""
        before = draft.read()
        latents = before.get("latents")
        if latents is None:
            latents = inverted(model, path, x0, told(guide))
        if not self.inner:
            return Trajectory(path.t, latents)
        null = empty(guide)
        x, found = before.get("x", latents[:1]), before.get("nulls", null.states[:0])
        for i in range(len(found), len(path)):
            draft.keep({"latents": latents, "x": x, "nulls": found})
            step = _Step(model, path, i, x, guide.scale, null.pooled)
            conditional = step.row("+", told(guide))
            states = self._tuned(step, conditional, found[-1:] if i else null.states, latents[i + 1 : i + 2])
            x = step.guided(conditional, states)
            if not finite([x]):
                raise stopped([step.x], [conditional], model.dtype, i, len(path))
            found = torch.cat([found, states])
        return Trajectory(path.t, latents, found, null.pooled)

    def _tuned(self, step: _Step, conditional: Latent, start: Tensor, goal: Latent) -> Tensor:
        """The embedding that brings one step to its goal.

        The published decay of the rate, ``1 - i / 100``, is written for 50 steps and would turn negative on
        paths of more than 100; beyond 50 it is stretched to end where it ends there.
        """
        rate = self.lr * (1 - step.i / max(100, 2 * len(step.path)))

        def misses(states: Tensor) -> Latent:
            return step.guided(conditional, states) - goal

        enough, meter = self.stop + step.i * self.relax, step.model.meter
        before = meter.updates
        states = fit(meter, misses, start, self.inner, rate, enough)
        meter.note("updates", float(meter.updates - before))
        return states
