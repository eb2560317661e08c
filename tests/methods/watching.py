"""Looking into a walk while a method runs it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from overpaint.guides import CFG
from overpaint.inversions import DDIM, Trajectory
from overpaint.meter import Meter
from overpaint.method import Method
from overpaint.model import Branch, Model
from overpaint.noise import Draws
from overpaint.outcome import outcome_of
from overpaint.path import Latent, Path, Prediction
from overpaint.task import Task


class Shared(DDIM):
    """No inversion: both prompts start from the latent that stands in for the picture."""

    def run(self, model: Model, path: Path, x0: Latent, guide: CFG, noise: Draws) -> Trajectory:
        return Trajectory(path.t, x0)


@dataclass
class Watched(Model):
    """Notes the latents that enter each step, and where the last one leads before anything is done to it."""

    states: list[dict[str, Latent]] = field(default_factory=list[dict[str, Latent]])
    ends: dict[str, Latent] = field(default_factory=dict[str, Latent])

    def predict(
        self,
        xs: Mapping[str, Latent],
        i: int,
        path: Path,
        branches: Sequence[Branch],
        level: int | None = None,
    ) -> dict[str, Prediction]:
        self.states.append(dict(xs))
        ps = super().predict(xs, i, path, branches, level)
        self.ends = {name: path.at(p, i + 1) for name, p in ps.items()}
        return ps

    @property
    def pairs(self) -> list[dict[str, Latent]]:
        """The steps of the edit itself: those that walk a source and a target."""
        return [xs for xs in self.states if {"src", "tgt"} <= xs.keys()]


def unchecked(model: Model, method: Method, given: Task, meter: Meter | None = None) -> Latent:
    """The best result of a method at a limit where it does nothing, which its check would refuse."""
    with model.lock, torch.no_grad(), model.metered(meter or Meter()):
        return outcome_of(method(model, given)).latents[0]


def watched(model: Model) -> Watched:
    """The same network with a notebook, a meter and a tap of its own."""
    return Watched(model.net, model.family)
