"""The noise path: which levels are visited, and how latents, predictions and levels turn into each other.

Everything rests on one formula. A latent at a level is ``x = alpha * x0 + sigma * eps``; a network's output,
whatever it was trained to predict, is read as the pair ``(x0, eps)``; putting that pair on another level is a
step. Towards less noise the step is DDIM (Song et al., 2021, arXiv:2010.02502, eq. 12 with eta 0) for
variance-preserving models and Euler for rectified flow; towards more noise it is DDIM inversion (Dhariwal and
Nichol, 2021, arXiv:2105.05233).
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import OverpaintError, UsageError

Latent = Float[Tensor, "rows c h w"]
"""Latents are float32 (float64 where a method asks for it), scaled to about unit variance."""

Coupled = Float[Tensor, "coupled c h w"]
"""Latents that belong together and walk as one branch."""
Kind = Literal["epsilon", "v_prediction", "sample", "flow"]
TINY = 1e-20
"""Below this a variance has no logarithm worth the name."""
Convention = Literal["published", "diffusers"]
"""How the inversion of a v-prediction (or of a predicted picture) is read; see `Path.read`."""


@dataclass(frozen=True)
class Prediction:
    """What the network believes about a latent: the clean picture in it and the noise in it."""

    x0: Latent
    eps: Latent
    spread: Latent | None = None
    """What a network with learned variance says about it, between -1 and 1 (see `Path.variance`)."""
    pull: Latent | None = None
    """Where a guide would have the latent go: the gradient of how likely it is what was wished for."""

    def detached(self) -> "Prediction":
        """The same without the graph that led to it."""
        spread, pull = (None if t is None else t.detach() for t in (self.spread, self.pull))
        return Prediction(self.x0.detach(), self.eps.detach(), spread, pull)

    def toward(self, other: "Prediction", w: float | Tensor) -> "Prediction":
        """Move by ``w`` from this prediction to ``other``; ``w`` may differ per element.

        The same weights hold for ``x0`` and ``eps`` because both are affine in the network's output, so a
        guidance rule written with it is right for every kind of network. A learned variance is the other's.
        """
        x0, eps = self.x0 + w * (other.x0 - self.x0), self.eps + w * (other.eps - self.eps)
        return Prediction(x0, eps, other.spread)

    def row(self, k: int) -> "Prediction":
        """The prediction of one row, still with a leading axis of one."""
        spread = None if self.spread is None else self.spread[k : k + 1]
        return Prediction(self.x0[k : k + 1], self.eps[k : k + 1], spread)


@dataclass(frozen=True)
class Path:
    """Levels of noise, noisiest first.

    Step ``i`` leads from level ``i`` to level ``i + 1``; level ``n`` is the data.
    """

    t: Float[Tensor, " steps"] | Tensor
    """What the network is told at each step (training levels for diffusion, 0 to 1000 for flow)."""
    alpha: Float[Tensor, "levels *rows"]
    """Share of the picture at each level, ``sqrt(alpha_bar)``, in float64; one entry more than ``t``.

    Single entries are what formulas use, and those leave latents in the type they have.
    """
    sigma: Float[Tensor, "levels *rows"]
    """Share of the noise at each level."""
    kind: Kind
    convention: Convention = "published"
    """How a step of an inversion reads the network; see `read`."""
    whole: int | None = None
    """Steps of the path this is the end of; nothing for a whole one."""

    def __len__(self) -> int:
        return len(self.t)

    @property
    def steps(self) -> int:
        """Steps of the whole path: windows of controls are shares of it, also where the start is skipped."""
        return len(self) if self.whole is None else self.whole

    def last(self, n: int) -> "Path":
        """The final ``n`` steps: what SDEdit, DiffEdit and a skipped start walk. Zero steps are legal."""
        if not 0 <= n <= len(self):
            raise OverpaintError(
                f"A path of {len(self)} steps has no last {n} steps; ask for 0 to {len(self)}."
            )
        start = len(self) - n
        cut = replace(self, t=self.t[start:], alpha=self.alpha[start:], sigma=self.sigma[start:])
        return replace(cut, whole=self.steps)

    def on(self, levels: Tensor) -> "Path":
        """The path that visits just these training levels (descending), then the data end of this one.

        For samplers with an explicit list (LCM, midpoint solvers); call it on the path of every training
        level.
        """
        place = {int(t): k for k, t in enumerate(self.t)}
        missing = [int(t) for t in levels if int(t) not in place]
        if missing:
            raise OverpaintError(
                f"This path has no level {missing[0]}; take levels from the full training path."
            )
        rows = [*(place[int(t)] for t in levels), len(self)]
        cut = replace(self, t=self.t[rows[:-1]], alpha=self.alpha[rows], sigma=self.sigma[rows])
        return replace(cut, whole=None)

    def few(self, steps: int, known: int = 50) -> "Path":
        """The levels that latent consistency models are walked on (arXiv:2310.04378).

        They know so many levels, evenly spaced from the noise end; of these every so many-th is visited. Call
        it on the path of every training level.

        Raises:
            OverpaintError: there are not as many.
        """
        if not 1 <= steps <= known <= len(self):
            raise OverpaintError(
                f"{steps} steps cannot be spread over {known} of {len(self)} levels; take fewer steps."
            )
        levels = torch.arange(known, 0, -1) * (len(self) // known) - 1
        return self.on(levels[(torch.arange(steps, dtype=torch.float64) * (known / steps)).long()])

    def noised(self, x0: Latent, eps: Latent, i: int) -> Latent:
        """A clean latent brought to level ``i`` with the noise ``eps``."""
        return self.alpha[i] * x0 + self.sigma[i] * eps

    def read(self, x: Latent, out: Latent, i: int, level: int | None = None) -> Prediction:
        """What the network, told the level of step ``i``, says of a latent: clean picture and noise.

        ``level`` is where the latent sits when that is another level, as in an inversion. The answer is then
        kept as the noise ``eps(x, t)`` of the level the network was told: the published formula
        (arXiv:2010.02502). Where the network predicts v or the picture, the convention "diffusers" reads
        its answer at the latent's own level instead, as ``DDIMInverseScheduler`` there does: the
        noise that is found then holds less of the picture, so it reconstructs worse and changes more easily.
        On a flow path the velocity is kept, which reverses Euler's step.
        """
        if level is not None and self.convention == "published" and self.kind != "flow":
            eps = self.read(x, out, i).eps
            return Prediction((x - self.sigma[level] * eps) / self.alpha[level], eps)
        a, s = self.alpha[i if level is None else level], self.sigma[i if level is None else level]
        match self.kind:
            case "epsilon":
                return Prediction((x - s * out) / a, out)
            case "v_prediction":
                return Prediction(a * x - s * out, a * out + s * x)
            case "sample":
                return Prediction(out, (x - a * out) / s)
            case "flow":
                return Prediction(x - s * out, x + (1 - s) * out)

    def told(self, p: Prediction, i: int) -> Latent:
        """What a network would have to answer at step ``i`` to be read as this: what losses compare."""
        a, s = self.alpha[i], self.sigma[i]
        match self.kind:
            case "epsilon":
                return p.eps
            case "v_prediction":
                return a * p.eps - s * p.x0
            case "sample":
                return p.x0
            case "flow":
                return p.eps - p.x0

    def reread(self, p: Prediction, by: Latent, i: int) -> Prediction:
        """The prediction that the same answer of the network would be, had the latent been elsewhere.

        What `read` makes of ``x + by`` and the answer that ``p`` was read from at step ``i``; ``p`` itself
        where nothing moved.
        """
        a, s = self.alpha[i], self.sigma[i]
        match self.kind:
            case "epsilon":
                return replace(p, x0=p.x0 + by / a)
            case "v_prediction":
                return replace(p, x0=p.x0 + a * by, eps=p.eps + s * by)
            case "sample":
                return replace(p, eps=p.eps + by / s)
            case "flow":
                return replace(p, x0=p.x0 + by, eps=p.eps + by)

    def at(self, p: Prediction, i: int) -> Latent:
        """A prediction put on level ``i``."""
        return self.alpha[i] * p.x0 + self.sigma[i] * p.eps

    def posterior(self, p: Prediction, i: int, eta: float = 1.0) -> tuple[Latent, Tensor]:
        """Mean and deviation of the next latent: ``eta`` 0 is DDIM, 1 is DDPM (arXiv:2010.02502, eq. 16)."""
        a, s, a1, s1 = self.alpha[i], self.sigma[i], self.alpha[i + 1], self.sigma[i + 1]
        std = eta * s1 * (1 - (a * s1 / (a1 * s)) ** 2).clamp(min=0).sqrt()
        return a1 * p.x0 + (s1**2 - std**2).clamp(min=0).sqrt() * p.eps, std

    def variance(self, p: Prediction, i: int) -> Latent:
        """The learned variance of the ancestral step ``i`` (Nichol and Dhariwal, 2021, arXiv:2102.09672).

        Between the two bounds, ``beta`` and the variance of the true posterior, in the logarithm. The last
        step's posterior has none, so that of the step before stands in, as in the published code.
        """
        if p.spread is None:
            raise OverpaintError("This network did not learn a variance; take another sampler.")
        low = self._posterior_variance(i if i + 1 < len(self) or i == 0 else i - 1)
        share = (p.spread + 1) / 2
        high = 1 - (self.alpha[i] / self.alpha[i + 1]) ** 2
        return (share * high.clamp(min=TINY).log() + (1 - share) * low.clamp(min=TINY).log()).exp()

    def _posterior_variance(self, i: int) -> Tensor:
        beta = 1 - (self.alpha[i] / self.alpha[i + 1]) ** 2
        return beta * (self.sigma[i + 1] / self.sigma[i]) ** 2

    @staticmethod
    def flow(n: int, shift: float = 1.0) -> "Path":
        """The straight path of rectified flow (arXiv:2209.03003), ``shift`` as in Stable Diffusion 3."""
        s = torch.linspace(1, 0, n + 1, dtype=torch.float64)
        s = shift * s / (1 + (shift - 1) * s)
        return Path(s[:-1] * 1000, 1 - s, s, "flow")


def part(steps: int, share: float) -> int:
    """A share of so many steps, rounded down as in published code; 0.3 of 10 is 3 whatever binary says."""
    return min(steps, int(steps * share + 1e-9))


def some(walked: int, steps: int, remedy: str) -> None:
    """Refuse a walk of no step: it would change nothing, and be written as if it had.

    Raises:
        UsageError: of so many steps none is walked; ``remedy`` says which option leaves some.
    """
    if walked < 1:
        of = "the one step" if steps == 1 else f"the {steps} steps"
        raise UsageError(
            f"Of {of} of the path none would be walked, so nothing would change; give {remedy}, or more "
            "steps."
        )


@dataclass(frozen=True)
class Schedule:
    """A trained noise schedule: the table from which every sampling path of a model is cut."""

    bars: Float[Tensor, " levels"]
    """``alpha_bar`` of each training level in float64, cleanest first."""
    kind: Kind
    offset: int = 0
    """Added to the visited levels when they are spaced from the clean end (SD: 1)."""
    to_one: bool = False
    """Whether the data end is free of noise (``alpha_bar`` 1) or the first training level (SD)."""
    spacing: Literal["leading", "trailing", "linspace"] = "leading"

    def levels(self, steps: int, offset: int | None = None) -> Tensor:
        """The training levels a walk of that many steps visits, noisiest first."""
        train = len(self.bars)
        if not 1 <= steps <= train:
            raise OverpaintError(f"Steps must be between 1 and {train}, not {steps}.")
        if self.spacing == "leading":
            shift = self.offset if offset is None else offset
            t = torch.arange(steps).flip(0) * (train // steps) + shift
        elif self.spacing == "trailing":
            t = (torch.arange(steps, dtype=torch.float64).neg() * train / steps + train).round().long() - 1
        else:
            t = torch.linspace(train - 1, 0, steps, dtype=torch.float64).round().long()
        return t.clamp(max=train - 1)

    def each(self, t: Tensor) -> Path:
        """The one level at which every row of a batch sits, each at its own: what training draws at random.

        Its only step is 0. Shares are float32 and shaped to multiply latents.

        Args:
            t: the training level of every row.
        """
        bars = self.bars.to(t.device)[t.long()].view(1, -1, 1, 1, 1)
        return Path(t[None], bars.sqrt().float(), (1 - bars).sqrt().float(), self.kind)

    def path(self, steps: int | None = None, offset: int | None = None) -> Path:
        """A sampling path; without ``steps`` every training level (for losses at random levels)."""
        end = torch.ones(1, dtype=torch.float64) if self.to_one else self.bars[:1]
        if steps is None:
            t = torch.arange(len(self.bars) - 1, -1, -1)
            bars = torch.cat([self.bars.flip(0), end])
        else:
            t = self.levels(steps, offset)
            # Spaced from the clean end, the last step may stop short of it (1000 steps with an offset do).
            before = int(t[-1]) - len(self.bars) // steps if self.spacing == "leading" else -1
            bars = torch.cat([self.bars[t], self.bars[before : before + 1] if before >= 0 else end])
        return Path(t, bars.sqrt(), (1 - bars).sqrt(), self.kind)
