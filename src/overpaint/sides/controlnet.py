"""ControlNet (Zhang, Rao and Agrawala, 2023, arXiv:2302.05543): a second encoder that looks at a picture.

It is a copy of the network's encoder and middle, and sees the same latent, level and text and, through an
encoder of its own, the condition. What leaves each of its layers goes through a convolution that began as
zero, and is added to the skips and to the middle of the main network; the main encoder is left alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from overpaint.attention import Moment
from overpaint.card import Paper
from overpaint.families.by_layer import by_layer
from overpaint.families.unet import told_besides
from overpaint.network import Residuals, Text
from overpaint.path import Latent
from overpaint.sides.net import Condition, Net, factors, known_by
from overpaint.sides.options import PLAIN, Control

CONTROLNET = Paper(
    "zhang2023controlnet",
    "Zhang, Lvmin and Rao, Anyi and Agrawala, Maneesh",
    "Adding Conditional Control to Text-to-Image Diffusion Models",
    "International Conference on Computer Vision",
    2023,
    "2302.05543",
    "https://github.com/lllyasviel/ControlNet",
    "Apache-2.0",
)
RELEASED = 0.825
"""Each coarser layer speaks by this much louder in guess mode, as released; the middle at full strength."""


@dataclass(frozen=True, eq=False)
class ControlNet:
    """A `overpaint.network.Side`: the residuals of one net and condition, scaled, in a stretch of steps."""

    net: Net
    condition: Condition
    how: Control = PLAIN
    text: Text | None = None
    """What it reads in place of each row's own text (CycleNet)."""

    def __post_init__(self) -> None:
        factors(self.how, places(self.net), self.net.name)  # says if they are too many or too few

    @property
    def fingerprint(self) -> str:
        """A hash of weights, condition, text and settings."""
        return self._known

    @cached_property
    def _known(self) -> str:
        return known_by(self.net, self.how, self.condition, self.text)

    @property
    def config(self) -> Any:
        """How the network is built."""
        return self.net.module.config

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """A factor for each residual, fine to coarse, the middle last."""
        own = factors(self.how, places(self.net), self.net.name)
        # What is averaged over the picture is the same at every place, so nothing is made softer.
        guess = "off" if self.config.global_pool_conditions else self.how.guess
        return tuple(a * b for a, b in zip(own, louder(guess, len(own)), strict=True))

    def rows(self, at: Moment) -> list[int]:
        """The rows it speaks to in a call: none outside its steps, in guess mode those with a prompt."""
        if not inside(self.how, at) or not any(self.scales):
            return []
        some = self.how.guess != "off" or self.config.global_pool_conditions
        return [k for k, role in enumerate(at.rows) if not (some and role.endswith("-"))]

    def residuals(self, x: Latent, t: Tensor, text: Text, at: Moment) -> Residuals:
        """What it adds to the skips and the middle; rows it does not speak to get zeros and cost nothing."""
        rows = self.rows(at)
        if not rows:
            return Residuals()
        down, mid = self._heard(x[rows], t[rows] if t.ndim else t, self._text(text, rows))
        *skips, middle = (
            spread(one * scale, rows, len(x)) for one, scale in zip((*down, mid), self.scales, strict=True)
        )
        return Residuals(() if self.how.only_mid else tuple(skips), middle, rows=len(rows))

    def _text(self, text: Text, rows: Sequence[int]) -> Text:
        """The text of some rows, or the network's own in place of each."""
        one, chosen = (text, list(rows)) if self.text is None else (self.text, [0] * len(rows))
        pooled = None if one.pooled is None else one.pooled[chosen]
        return Text(one.states[chosen], pooled, layers=one.layers)

    def _heard(self, x: Latent, t: Tensor, text: Text) -> tuple[Sequence[Tensor], Tensor]:
        """The residuals of these rows as the network gives them."""
        dtype, picture = self.net.dtype, self.condition.to(x.device, self.net.dtype)
        with by_layer(self.net.module, text):
            down, mid = self.net.module(
                x.to(dtype),
                t,
                text.states.to(dtype),
                picture if len(picture) == len(x) else picture.expand(len(x), -1, -1, -1),
                return_dict=False,
                **told_besides(x, text, self.net.factor, dtype),
            )
        return down, mid


def inside(how: Control, at: Moment) -> bool:
    """Whether a step lies within its share of them, as diffusers counts it: no step that an end cuts does."""
    return at.step / at.steps >= how.start and (at.step + 1) / at.steps <= how.stop


def places(net: Net) -> int:
    """How many places a ControlNet speaks into: the skips, and the middle."""
    return len(net.module.controlnet_down_blocks) + 1


def louder(guess: str, count: int) -> tuple[float, ...]:
    """The factors of guess mode, fine to coarse."""
    match guess:
        case "released":
            return tuple(RELEASED ** (count - 1 - k) for k in range(count))
        case "logspace":
            return tuple(10 ** (k / (count - 1) - 1) for k in range(count))
        case _:
            return (1.0,) * count


def spread(own: Tensor, rows: Sequence[int], count: int) -> Tensor:
    """The rows of a whole call, zero but for some."""
    if len(rows) == count:
        return own
    whole = own.new_zeros(count, *own.shape[1:])
    return whole.index_copy(0, torch.tensor(rows, device=own.device), own)
