"""The two walks everything else is written with, and the steps they take."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor

from overpaint.model import Branch, Model
from overpaint.path import Latent, Path, Prediction

Latents = dict[str, Latent]
Step = Callable[[Path, int, Latent, Prediction], Latent]
"""From a latent at level ``i`` and its prediction to the latent at level ``i + 1``."""
Ask = Callable[[Latents], dict[str, Prediction]]
"""One network call about these latents, by branch: the combined prediction of each."""
Solver = Callable[[Ask, Path, int, Latents], tuple[Latents, dict[str, Prediction]]]
"""From all latents at level ``i`` to all at ``i + 1`` in as many calls as it takes, and the last predictions.

It knows whose latent it moves, so it may remember each branch's past (second-order solvers), move a branch by
noise of its own, or keep two coupled latents in one. What it remembers belongs to one walk: make a fresh one
for each.
"""
After = Callable[[int, Latents], Latents]
"""What happens to all latents after step ``i``: pinning, blending, masking."""


def ddim(path: Path, i: int, x: Latent, p: Prediction) -> Latent:
    """The deterministic step (arXiv:2010.02502, eta 0); Euler on a flow path."""
    return path.at(p, i + 1)


def stochastic(noise: Sequence[Tensor], eta: float = 1.0) -> Step:
    """The step with noise, which is looked up by step so that an inversion can supply it."""

    def step(path: Path, i: int, x: Latent, p: Prediction) -> Latent:
        mean, std = path.posterior(p, i, eta)
        return mean + std * noise[i]

    return step


def ancestral(noise: Callable[[int], Tensor]) -> Step:
    """The random step of DDPM with the variance that the network learned, if it did, and a guide's pull.

    The mean moves by the variance times the pull (Dhariwal and Nichol, 2021, arXiv:2105.05233, algorithm 1);
    the last step draws nothing. ``noise`` gives the draw of a step.
    """

    def step(path: Path, i: int, x: Latent, p: Prediction) -> Latent:
        mean, std = path.posterior(p, i)
        variance = std**2 if p.spread is None else path.variance(p, i)
        mean = mean if p.pull is None else mean + variance * p.pull
        return mean if i + 1 == len(path) else mean + variance.sqrt() * noise(i)

    return step


def second_order(
    path: Path, i: int, x: Latent, p: Prediction, before: Prediction | None
) -> tuple[Latent, Tensor]:
    """Mean and deviation of the second-order random step, SDE-DPM-Solver++(2M) (arXiv:2211.01095).

    With ``lam = log(alpha / sigma)`` and ``h`` its growth over the step, the belief ``x0`` is carried on by
    half of what it changed since the step before, in proportion to the two growths; the first step has none
    before it, nor has one behind a step that led nowhere (a path of every level may tell the noisiest twice).
    The mean is ``sigma'/sigma e^-h x + alpha' (1 - e^-2h) x0``, the deviation
    ``sigma' sqrt(1 - e^-2h)``. A step to a level without noise is its first-order form, the belief itself.
    """
    clean = float(path.sigma[i + 1]) == 0
    lam = (path.alpha[: i + 2] / path.sigma[: i + 2]).log()
    h, x0 = lam[i + 1] - lam[i], p.x0
    past = lam[i] - lam[i - 1] if i else h * 0
    if before is not None and not clean and float(past) > 0:
        x0 = x0 + 0.5 * h / past * (x0 - before.x0)
    fade = -torch.expm1(-2 * h)
    mean = path.sigma[i + 1] / path.sigma[i] * torch.exp(-h) * x + path.alpha[i + 1] * fade * x0
    return mean, path.sigma[i + 1] * fade.sqrt()


def each(step: Step) -> Solver:
    """One call, then every branch takes the same step by itself."""

    def solver(ask: Ask, path: Path, i: int, xs: Latents) -> tuple[Latents, dict[str, Prediction]]:
        ps = ask(xs)
        return {name: step(path, i, xs[name], p) for name, p in ps.items()}, ps

    return solver


def compose(*afters: After | None) -> After:
    """Several things to do after a step, one after the other; ``None`` is nothing to do."""

    def after(i: int, xs: Latents) -> Latents:
        for one in afters:
            xs = xs if one is None else one(i, xs)
        return xs

    return after


def denoise(
    model: Model,
    path: Path,
    xs: Mapping[str, Latent],
    branches: Sequence[Branch],
    *,
    solver: Solver | None = None,
    before: After | None = None,
    after: After | None = None,
) -> Latents:
    """Walk every branch from the noise end to the data end, all branches in one network call a step.

    Args:
        model: whose network is asked.
        path: the levels.
        xs: every branch's latent at the first level.
        branches: who walks, and how each is guided.
        solver: how a step is taken; by itself the deterministic one.
        before: what happens to all latents ahead of step ``i``.
        after: what happens to them when it is taken.
    """
    latents = dict(xs)
    branches = [Branch(b.name, b.guide.begin()) for b in branches]
    take = solver or each(ddim)
    for i in range(len(path)):
        latents = latents if before is None else before(i, latents)
        ask = partial(model.predict, i=i, path=path, branches=branches)
        latents, ps = take(ask, path, i, latents)
        model.meter.preview(ps[branches[-1].name].x0)
        latents = latents if after is None else after(i, latents)
    return latents


def noise(model: Model, path: Path, x0: Latent, branch: Branch) -> list[Latent]:
    """Walk one branch from the data end to the noise end: DDIM inversion.

    The one approximation: at each step the network is told the level it moves to, but sees the latent it
    moves from. Returns the latents noise end first, so ``latents[i]`` sits at the level of step ``i`` and the
    last is ``x0``.
    """
    latents = [x0]
    for i in reversed(range(len(path))):
        p = model.predict({branch.name: latents[0]}, i, path, [branch], level=i + 1)[branch.name]
        latents.insert(0, path.at(p, i))
    return latents
