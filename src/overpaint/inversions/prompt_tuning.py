"""Prompt tuning inversion: the prompt itself is tuned at every step, and then mixed with the target's."""

from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field

from overpaint.card import Cost, Paper
from overpaint.files.store import Draft, NoDraft
from overpaint.guides import CFG
from overpaint.inversions.base import Inversion, empty, told
from overpaint.inversions.ddim import DDIM_PAPER, GUIDANCE, ROWS, guided_by, rows_of
from overpaint.inversions.trajectory import Trajectory
from overpaint.inversions.tuning import Course, Pace, Row, Step, level_latents
from overpaint.model import Guide, Model
from overpaint.network import Text
from overpaint.noise import Draws
from overpaint.path import Latent, Path

PROMPT_TUNING_PAPER = Paper(
    "dong2023prompt",
    "Dong, Wenkai and Xue, Song and Duan, Xiaoyue and Han, Shumin",
    "Prompt Tuning Inversion for Text-Driven Image Editing Using Diffusion Models",
    "IEEE/CVF International Conference on Computer Vision",
    2023,
    "2305.04441",
)
PROMPTS, POOLED = "prompts", "pooled"


class PromptTuning(Inversion):
    """Tune the prompt of each step so that guided sampling meets the inversion, then mix it with the target.

    The mirror of null-text inversion: the empty prompt is left alone, and the embedding ``c_t`` of the prompt
    is tuned at each step until guidance meets the next latent of the inversion. The source walks home with
    ``c_t``, the target with ``s c + (1 - s) c_t``, where ``c`` is its own embedding and ``s`` the ``share``
    (arXiv:2305.04441, section 3). Only the token states are tuned; a pooled text is mixed alike.

    The paper has no source prompt: it begins with the empty one and inverts with it. That is what happens
    where none is given. Of its settings it is known that guidance is above 1 and the same in both walks;
    updates and rate are those of null-text inversion in the form of an unofficial implementation.
    """

    name: Literal["prompt-tuning"] = Field(
        default="prompt-tuning", description="tune the prompt of every step, and mix it with the target's"
    )
    share: float = Field(
        default=0.8, ge=0, le=1, description="share of the target prompt in the mixture: less keeps more"
    )
    init: Literal["source", "null"] = Field(
        default="source", description="what is tuned: the source prompt if there is one, or the empty one"
    )
    guidance: float = Field(default=1.0, ge=0, le=30, description=GUIDANCE)
    inner: int = Field(default=10, ge=0, le=1000, description="updates of the prompt at each step, at most")
    lr: float = Field(
        default=5e-3, gt=0, le=1, description="learning rate of the first step; it halves on the way"
    )
    stop: float = Field(default=0.0, ge=0, le=1, description="loss below which the first step stops early")
    relax: float = Field(
        default=0.0, ge=0, le=1, description="what is added to that loss at each further step"
    )

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The method, and the sampler under it."""
        return PROMPT_TUNING_PAPER, DDIM_PAPER

    @property
    def guided(self) -> bool:
        """The tuned texts belong to one guidance."""
        return True

    @property
    def late(self) -> frozenset[str]:
        """What was tuned serves any mixture."""
        return frozenset({"share"})

    @property
    def calls(self) -> tuple[tuple[str, ...], ...]:
        """The walk to noise; then a row by itself each time, so that one of them can be tuned."""
        return ROWS[rows_of(self.guidance)], ("src-",), ("src+",)

    @property
    def silent_rows(self) -> int:
        """Both, as the tuned prompt is another one than the empty one."""
        return 2

    def cost(self, steps: int) -> Cost:
        """The walk to noise, two rows a step to walk home, and one for every update with a backward pass."""
        to_noise = Cost.of(rows_of(self.guidance) * steps)
        if not self.inner:
            return to_noise
        updates = (steps, self.inner * steps)
        home = Cost((2 * steps + updates[0], 2 * steps + updates[1]), updates, updates=updates)
        return to_noise + home

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        """Invert, then tune from the noise end on."""
        return self.resume(model, path, x0, guide, noise, NoDraft())

    def resume(
        self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws, draft: Draft
    ) -> Trajectory:
        """The same, step by step in a draft: Adam is made anew at each, so nothing else has to be kept."""
        latents = level_latents(model, path, x0, guided_by(guide, self.guidance), draft)
        start = told(guide) if self.init == "source" else empty(guide)
        more = {} if start.pooled is None else {POOLED: start.pooled}
        if not self.inner:
            found = start.states.expand(len(path), -1, -1)
            return Trajectory(path.t, latents, more={PROMPTS: found, **more})

        def tune(step: Step) -> Row:
            return lambda states: (step.row("+", replace(start, states=states, words=None)), ())

        pace = Pace(self.inner, self.lr, self.stop, self.relax)
        found = Course(model, path, latents, guide).tuned("+", tune, pace, start.states, draft)
        return Trajectory(path.t, latents, more={PROMPTS: found, **more})

    def guide(self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float) -> Guide:
        """The target, guided with the mixture of each step."""
        return CFG(mixed(traj, text, self.share), null, scale)

    def home(
        self, path: Path, traj: Trajectory, text: Text, null: Text, scale: float, reads: frozenset[str]
    ) -> Guide:
        """The source, guided with what was tuned."""
        return CFG(mixed(traj, text, 0.0), null, scale)


def mixed(traj: Trajectory, text: Text, share: float) -> list[Text]:
    """The texts of all steps: so much of this one, the rest of what was tuned."""
    tuned, pooled = traj.more[PROMPTS], traj.more.get(POOLED)
    text = text.for_layers(max(text.layers, tuned.shape[1] // text.window))
    tuned = tuned.repeat(1, text.states.shape[1] // tuned.shape[1], 1)
    states = torch.lerp(tuned, text.states.expand_as(tuned), share)
    if pooled is not None and text.pooled is not None:
        pooled = torch.lerp(pooled, text.pooled, share)
    return [Text(one[None], pooled, layers=text.layers) for one in states]
