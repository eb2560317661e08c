"""Grids of their own for the way to noise and the way back, and a network that is a mixture of several.

Kim, Kwon and Ye, "DiffusionCLIP: Text-Guided Diffusion Models for Robust Image Manipulation", CVPR 2022,
arXiv:2110.02711, section 3.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Literal

import torch
from pydantic import Field, model_validator

from overpaint.errors import UsageError
from overpaint.guides import Plain
from overpaint.model import Branch, Model, Patch
from overpaint.network import Text
from overpaint.options import Options
from overpaint.path import Latent, Path, Prediction
from overpaint.sample import Ask, Latents, Solver

End = Literal["clean", "first"]
"""Where the last step ends: without any noise, or at the first level that the network was trained on."""
Share = tuple[Patch | None, float]
"""What is put on the network (nothing: it is as it was), and how much its answer counts."""
Shares = Callable[[int], Sequence[Share]]
"""From a training level to what answers there; all that count add up to 1."""


class Start(Options):
    """How a picture becomes the noise that is walked back from."""

    by: Literal["inversion", "noise"] = Field(
        default="inversion", description="the network's own way, or noise that is drawn"
    )
    rounds: int = Field(default=1, ge=1, le=100, description="with drawn noise, how often there and back")
    bring: int = Field(
        default=0,
        ge=0,
        le=100,
        description="ways there and back before, untuned: for strokes and art",
    )
    bring_steps: int = Field(default=6, ge=2, le=1000, description="steps of each of these ways back")
    official: bool = Field(
        default=False, description="draw for a level below the walk's, as the published code does"
    )

    @model_validator(mode="after")
    def something(self) -> "Start":
        """Refuse what could have no effect."""
        if self.by == "inversion" and self.rounds > 1:
            raise ValueError("an inversion gives the same in every round; give by noise, or one round")
        if self.official and self.by == "inversion" and not self.bring:
            raise ValueError("an inversion draws no noise; leave official out")
        return self


def grid(level: int, steps: int) -> list[int]:
    """So many training levels, evenly from ``level`` down to 0, both among them, each rounded down.

    Raises:
        UsageError: there are not as many.
    """
    if not 2 <= steps <= level + 1:
        raise UsageError(
            f"{steps} steps cannot be spread over the levels from 0 to {level}; take 2 to {level + 1}."
        )
    share = 1 / (steps - 1)
    return [level, *(int(k * share * level) for k in range(steps - 2, -1, -1))]


def stairs(model: Model, level: int, steps: int, end: End = "clean") -> Path:
    """The path over such a grid, noise end first; behind level 0 it ends as told.

    Raises:
        UsageError: the model has no such level.
    """
    every = model.path()
    if level >= len(every):
        raise UsageError(f"The model has levels up to {len(every) - 1}, not {level}; take a lower one.")
    path = every.on(torch.tensor(grid(level, steps)))
    first = every.alpha[-2:-1], every.sigma[-2:-1]
    alpha, sigma = (torch.ones_like(first[0]), torch.zeros_like(first[1])) if end == "clean" else first
    return replace(path, alpha=torch.cat([path.alpha[:-1], alpha]), sigma=torch.cat([path.sigma[:-1], sigma]))


def drawn(model: Model, x0: Latent, eps: Latent, level: int) -> Latent:
    """A picture with noise as of a training level."""
    path = model.path()
    return path.noised(x0, eps, len(path) - 1 - level)


def to_noise(model: Model, path: Path, x0: Latent, text: Text) -> Latent:
    """The picture on its way up such a path: it is taken for the state at level 0.

    Unlike in DDIM inversion as others do it the network is told the level that a latent sits at, the lower
    one of each step, so there is one call less than levels.
    """
    branch, x = Branch("src", Plain(text)), x0
    for i in range(len(path) - 1, 0, -1):
        x = path.at(model.predict({branch.name: x}, i, path, [branch])[branch.name], i - 1)
    return x


def mixture(model: Model, shares: Shares) -> Solver:
    """Steps by a network whose noise is that of several, each with its share; those without are not asked.

    All believe in the same latent, so what they believe about the picture is mixed by the same shares.
    """

    def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        several = [(patch, share) for patch, share in shares(int(path.t[i])) if share]
        answers = list[tuple[dict[str, Prediction], float]]()
        for patch, share in several:
            with nullcontext() if patch is None else model.patched(patch):
                answers.append((ask(xs), share))
        ps = {name: mixed([(answer[name], share) for answer, share in answers]) for name in xs}
        return {name: path.at(p, i + 1) for name, p in ps.items()}, ps

    return solver


def mixed(answers: Sequence[tuple[Prediction, float]]) -> Prediction:
    """The weighted sum; an answer alone is itself, to the bit."""
    (first, share), *others = answers
    if not others and share == 1:
        return first
    x0, eps = share * first.x0, share * first.eps
    for p, more in others:
        x0, eps = x0 + more * p.x0, eps + more * p.eps
    return Prediction(x0, eps)
