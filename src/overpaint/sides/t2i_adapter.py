"""T2I-Adapter (Mou et al., 2023, arXiv:2302.08453): features of a picture, added to the encoder.

A small network turns the condition into one map of features for each level of the encoder. It sees neither
latent nor level nor text, so it runs once a picture. The features are added behind the last pair of layers
of each level, so that the way on and the stored skip both carry them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from overpaint.attention import Moment
from overpaint.card import Paper
from overpaint.network import Residuals, Text
from overpaint.path import Latent
from overpaint.sides.net import Condition, Net, factors, known_by
from overpaint.sides.options import PLAIN, Control

T2I_ADAPTER = Paper(
    "mou2024t2iadapter",
    "Mou, Chong and Wang, Xintao and Xie, Liangbin and Wu, Yanze and Zhang, Jian and Qi, Zhongang "
    "and Shan, Ying and Qie, Xiaohu",
    "T2I-Adapter: Learning Adapters to Dig Out More Controllable Ability for Text-to-Image Diffusion Models",
    "AAAI Conference on Artificial Intelligence",
    2024,
    "2302.08453",
    "https://github.com/TencentARC/T2I-Adapter",
    "Apache-2.0",
)
CUT = 0.5
"""An adapter of one channel reads lines: where the mean of the colours is above this, there is one."""


@dataclass(frozen=True, eq=False)
class T2IAdapter:
    """A `overpaint.network.Side`: the features of an adapter and a condition, in a stretch of steps."""

    net: Net
    condition: Condition
    how: Control = PLAIN

    def __post_init__(self) -> None:
        factors(self.how, levels(self.net), self.net.name)  # says if they are too many or too few

    @property
    def fingerprint(self) -> str:
        """A hash of weights, condition and settings."""
        return self._known

    @cached_property
    def _known(self) -> str:
        return known_by(self.net, self.how, self.condition)

    @cached_property
    def features(self) -> tuple[Tensor, ...]:
        """One map for each level, unscaled; computed when they are first asked for."""
        with torch.no_grad():
            return tuple(self.net.module(seen(self.net, self.condition)))

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """A factor for each level, fine to coarse."""
        return factors(self.how, levels(self.net), self.net.name)

    def speaks(self, at: Moment) -> bool:
        """Whether it says anything at a step."""
        return any(self.scales) and speaks(self.how, at)

    def residuals(self, x: Latent, t: Tensor, text: Text, at: Moment) -> Residuals:
        """What it adds inside the encoder, the same to every row; only the first call costs anything."""
        if not self.speaks(at):
            return Residuals()
        rows = int("features" not in vars(self))
        said = zip(self.features, self.scales, strict=True)
        return Residuals(
            intra=tuple((one * scale).to(x.device).expand(len(x), -1, -1, -1) for one, scale in said),
            rows=rows,
        )


def speaks(how: Control, at: Moment) -> bool:
    """Whether a step is within its share of them, by one of the two published ways to round that.

    The official code counts steps down and stops below ``int((1 - stop) * steps)``; diffusers speaks in the
    first ``int(steps * stop)``.
    """
    if at.step / at.steps < how.start:
        return False
    if how.rounding == "diffusers":
        return at.step < int(at.steps * how.stop)
    return at.steps - 1 - at.step >= int((1 - how.stop) * at.steps)


def seen(net: Net, condition: Condition) -> Tensor:
    """The condition as the adapter reads it: its colours, or where its lines are."""
    device = next(net.module.parameters()).device
    picture = condition.to(device, torch.float32)
    if colours(net) == 1:
        picture = (picture.mean(1, keepdim=True) > CUT).float()
    return picture.to(net.dtype)


def colours(net: Net) -> int:
    """Channels of the condition."""
    return int(net.module.config["in_channels"])


def levels(net: Net) -> int:
    """How many maps it makes."""
    return len(net.module.adapter.body)


def widths(net: Net) -> Sequence[int]:
    """The channels of each map, fine to coarse."""
    body = net.module.adapter.body
    light = net.module.config["adapter_type"] == "light_adapter"
    return [int((one.out_conv if light else one.resnets[-1].block2).out_channels) for one in body]
