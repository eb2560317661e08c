"""Networks and a CLIP in closed form, as the notes of files in pixel space state them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

from overpaint.families.pixel import PixelFamily
from overpaint.model import Model
from overpaint.network import Residuals, Text
from overpaint.path import Schedule
from tests.parity.settings import Settings

Formula = Callable[[Tensor, int, Text], Tensor]
"""From the network's input, its level and the text of the row to its output."""
LINEAR = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
"""The betas of the linear schedule."""


def bars(betas: Tensor) -> Tensor:
    """What is left of the picture at each level, squared."""
    return (1 - betas).cumprod(0)


def waves(height: int, width: int) -> Tensor:
    """``mu[c, i, j] = 0.6 sin(0.35 i + 0.2 j + 1.3 c)``."""
    c, i, j = torch.meshgrid(torch.arange(3), torch.arange(height), torch.arange(width), indexing="ij")
    return 0.6 * (0.35 * i + 0.2 * j + 1.3 * c).sin()


def eps_of(x: Tensor, abar: Tensor, centre: Tensor) -> Tensor:
    """The noise that a network with this picture in mind finds, and a ripple of the shifted input."""
    rolled = x.roll((1, 2), (-2, -1))
    ideal = (1 - abar).sqrt() * (x - abar.sqrt() * centre) / (0.2 * abar + 1 - abar)
    return ideal + 0.15 * (1.5 * rolled).sin()


@dataclass(frozen=True)
class AnalyticFamily(PixelFamily):
    """A pixel family whose network is a formula."""

    formula: Formula = lambda x, t, text: x

    def call(self, net: nn.Module, x: Tensor, t: Tensor, text: Text, more: Residuals) -> Tensor:
        """The formula, row by row."""
        rows = [self.formula(row[None], int(t), Text(s[None])) for row, s in zip(x, text.states, strict=True)]
        return torch.cat(rows)


def analytic(formula: Formula, schedule: Schedule, side: int) -> Model:
    """A model around a formula."""
    return Model(nn.Identity(), AnalyticFamily(schedule, side, formula=formula), name="analytic")


@dataclass(frozen=True)
class AnalyticEye:
    """A CLIP of one matrix: ``W tanh(flatten(pool(y)))`` of what it sees in its own units."""

    weight: Tensor
    said: Mapping[str, Tensor]
    side: int
    mean: Tensor
    spread: Tensor
    fingerprint: str = "analytic"

    @staticmethod
    def of(weight: Tensor, said: Mapping[str, Tensor], side: int, units: Settings) -> "AnalyticEye":
        """As the settings have it."""
        mean, spread = (torch.tensor(units.get(name)).view(1, 3, 1, 1) for name in ("mean", "std"))
        return AnalyticEye(weight, said, side, mean, spread)

    def bare(self, y: Tensor) -> Tensor:
        """Vectors of what is in its units already."""
        return adaptive_avg_pool2d(y, 4).flatten(1).tanh() @ self.weight.T

    def embed(self, pixels: Tensor) -> Tensor:
        """Vectors of pictures."""
        return self.bare(((pixels + 1) / 2 - self.mean) / self.spread)

    def look(self, pixels: Tensor) -> Tensor:
        """Of length one."""
        return nn.functional.normalize(self.embed(pixels), dim=-1)

    def tokens(self, pixels: Tensor, normed: bool = True) -> Tensor:
        """There is but one."""
        return self.embed(pixels)[:, None]

    def embed_text(self, prompts: Sequence[str]) -> Tensor:
        """What was stored of each."""
        return torch.stack([self.said[one] for one in prompts])

    def read(self, prompts: Sequence[str]) -> Tensor:
        """Of length one."""
        return nn.functional.normalize(self.embed_text(prompts), dim=-1)
