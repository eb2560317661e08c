"""The two walks everything else is written with, and the steps they take."""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from overpaint.model import Branch, Model
from overpaint.path import Latent, Path, Prediction

Latents = dict[str, Latent]
Step = Callable[[Path, int, Latent, Prediction], Latent]
"""From a latent at level ``i`` and its prediction to the latent at level ``i + 1``."""
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
    step: Step = ddim,
    after: After | None = None,
) -> Latents:
    """Walk every branch from the noise end to the data end, all branches in one network call a step."""
    latents = dict(xs)
    branches = [Branch(b.name, b.guide.begin()) for b in branches]
    for i in range(len(path)):
        ps = model.predict(latents, i, path, branches)
        latents = {name: step(path, i, latents[name], p) for name, p in ps.items()}
        model.meter.preview(ps[branches[-1].name].x0)
        if after is not None:
            latents = after(i, latents)
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
