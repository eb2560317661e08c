"""The guided walk home along an inversion, with something tuned at each step so that it stays on course.

Null-text inversion tunes the empty prompt, prompt tuning the prompt, StyleDiffusion a network beside it; the
walk is the same.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.files.store import Draft
from overpaint.finite import finite, stopped
from overpaint.guides import CFG
from overpaint.inversions.base import empty, told
from overpaint.inversions.ddim import inverted
from overpaint.model import Guide, Line, Model
from overpaint.network import Text
from overpaint.path import Latent, Path
from overpaint.tune.fit import fit

Values = Float[Tensor, "1 *rest"]
"""What is tuned at a step."""
Row = Callable[[Values], tuple[Latent, Sequence[Tensor]]]
"""From what is tuned to where its row leads, and to what else shall become zero."""


@dataclass(frozen=True)
class Step:
    """One step of the guided walk home, from where it stands."""

    model: Model
    path: Path
    i: int
    x: Latent

    def row(self, sign: str, text: Text) -> Latent:
        """One row of the network as the next latent; steps are affine, so guidance may act on latents."""
        p = self.model.rows(self.x, self.i, self.path, ["src" + sign], [Line(sign, text)])
        return self.path.at(p, self.i + 1)


@dataclass(frozen=True)
class Pace:
    """How hard is tried at each step."""

    inner: int
    """Updates of the first step, at most."""
    lr: float
    """Learning rate of the first step."""
    stop: float
    """The loss below which the first step stops early."""
    relax: float
    """What is added to that at each further step."""
    decay: float = 0.0
    """How fast the updates get fewer: ``inner * exp(-decay * i)``, rounded up."""

    def updates(self, i: int) -> int:
        """Updates of a step, at most."""
        return math.ceil(self.inner * math.exp(-self.decay * i))

    def rate(self, i: int, steps: int) -> float:
        """The learning rate of a step.

        The published decay, ``1 - i / 100``, is written for 50 steps and would turn negative on paths of more
        than 100; beyond 50 it is stretched to end where it ends there.
        """
        return self.lr * (1 - i / max(100, 2 * steps))

    def enough(self, i: int) -> float:
        """The loss below which a step stops early."""
        return self.stop + i * self.relax

    def total(self, steps: int) -> int:
        """Updates of a whole walk, at most."""
        return sum(map(self.updates, range(steps)))


def level_latents(model: Model, path: Path, x0: Latent, by: Text | Guide, draft: Draft) -> Tensor:
    """The inversion that is walked along: what a killed run left of it, or found now."""
    known = draft.read().get("latents")
    return inverted(model, path, x0, by) if known is None else known


@dataclass(frozen=True)
class Course:
    """The guided walk of the source, beside the latents of its inversion, which are its goals."""

    model: Model
    path: Path
    latents: Float[Tensor, "levels c h w"]
    guide: CFG

    def tuned(
        self, sign: Literal["+", "-"], tune: Callable[[Step], Row], pace: Pace, start: Values, draft: Draft
    ) -> Float[Tensor, "steps *rest"]:
        """What was found at each step, from the noise end on.

        At step ``i`` Adam, made anew, minimises ``mean((x - y)²)``, where ``x`` is the guided step from where
        the walk stands and ``y`` the next latent of the inversion, and with it the squares of whatever else a
        row shall make small. It sets out from what the step before found, and the walk goes on from its own
        latent, so later steps mend what earlier ones left.

        Args:
            sign: which row of the guided pair is tuned; the other one is asked once a step.
            tune: the tuned row of a step, as a function of what is tuned.
            pace: how hard is tried.
            start: what the first step sets out from.
            draft: where the walk is kept from step to step; what a killed one left is taken up.
        """
        before = draft.read()
        known: Mapping[str, Tensor] = (
            before if "found" in before else {}
        )  # a draft may hold the inversion alone
        x, found = known.get("x", self.latents[:1]), known.get("found", start[:0])
        other = told(self.guide) if sign == "-" else empty(self.guide)
        for i in range(len(found), len(self.path)):
            draft.keep({"latents": self.latents, "x": x, "found": found})
            step = Step(self.model, self.path, i, x)
            given = step.row("+" if sign == "-" else "-", other)
            x, values = self._taken(step, sign, given, tune(step), pace, found[-1:] if i else start)
            if not finite([x]):
                raise stopped([step.x], [given], self.model.dtype, i, len(self.path))
            found = torch.cat([found, values])
        return found

    def _taken(
        self, step: Step, sign: str, given: Latent, row: Row, pace: Pace, start: Values
    ) -> tuple[Latent, Values]:
        """The next latent, and what was tuned to get there."""
        goal, meter = self.latents[step.i + 1 : step.i + 2], self.model.meter

        def guided(moved: Latent) -> Latent:
            null, conditional = (moved, given) if sign == "-" else (given, moved)
            return null + self.guide.scale * (conditional - null)

        def misses(values: Values) -> list[Tensor]:
            moved, more = row(values)
            return [guided(moved) - goal, *more]

        before, rate = meter.updates, pace.rate(step.i, len(self.path))
        values = fit(meter, misses, start, pace.updates(step.i), rate, pace.enough(step.i))
        meter.note("updates", float(meter.updates - before))
        return guided(row(values)[0]), values
