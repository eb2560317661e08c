"""Null-text inversion: the empty prompt is tuned at every step, so that guided sampling stays on course."""

from dataclasses import replace
from typing import Literal

from pydantic import Field

from overpaint.card import Cost, Paper
from overpaint.files.store import Draft, NoDraft
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, empty, told
from overpaint.inversions.ddim import DDIM_PAPER
from overpaint.inversions.trajectory import Trajectory
from overpaint.inversions.tuning import Course, Pace, Row, Step, level_latents
from overpaint.model import Model
from overpaint.noise import Draws
from overpaint.path import Latent, Path

NULL_TEXT_PAPER = Paper(
    "mokady2023null",
    "Mokady, Ron and Hertz, Amir and Aberman, Kfir and Pritch, Yael and Cohen-Or, Daniel",
    "Null-text Inversion for Editing Real Images using Guided Diffusion Models",
    "IEEE/CVF Conference on Computer Vision and Pattern Recognition",
    2023,
    "2211.09794",
    "https://github.com/google/prompt-to-prompt",
    "Apache-2.0",
)


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
        updates = steps, self.inner * steps
        return Cost((4 * steps, (3 + self.inner) * steps), updates, updates=updates)

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert, then tune from the noise end on."""
        return self.resume(model, path, x0, guide, noise, NoDraft())

    def resume(
        self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws, draft: Draft
    ) -> Trajectory:
        """The same, step by step in a draft: Adam is made anew at each, so nothing else has to be kept."""
        latents, null = level_latents(model, path, x0, told(guide), draft), empty(guide)
        if not self.inner:
            return Trajectory(path.t, latents)

        def tune(step: Step) -> Row:
            return lambda states: (step.row("-", replace(null, states=states, words=None)), ())

        pace = Pace(self.inner, self.lr, self.stop, self.relax)
        found = Course(model, path, latents, guide).tuned("-", tune, pace, null.states, draft)
        return Trajectory(path.t, latents, found, null.pooled)
