"""The generator that learns a layer of one picture: from its colours to other colours and an opacity.

An encoder and a decoder with a thin skip at every scale, as deep image priors have them, without any memory
of other pictures: what it normalises by is the picture at hand. Bar-Tal et al., "Text2LIVE", ECCV 2022,
arXiv:2204.02491, in the form of its published code.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.losses.views import uniform
from overpaint.noise import Draws

Colours = Float[Tensor, "1 3 height width"]
"""A picture in [0, 1]."""
Painted = Float[Tensor, "1 4 height width"]
"""Colours and opacity in [0, 1]."""
Weights = Mapping[str, Tensor]
SLOPE = 0.2
LEAST = 2
"""Cells a side at the coarsest scale: of a single one there would be no spread to normalise by."""
_SHARES = ((0.26, 0.09, 0.02), (0.27, 0.0, -0.05), (0.27, -0.09, 0.03))
"""How colours of photographs vary together: what the network says of each is told apart by it."""


@dataclass(frozen=True)
class SkipNet:
    """What the weights belong to; they are kept apart, so that they can be learned and stored."""

    scales: int = 7
    channels: int = 128
    skips: int = 4

    @staticmethod
    def fitting(side: int, most: int = 7, channels: int = 128, skips: int = 4) -> "SkipNet":
        """The one with as many scales as fit pictures whose shorter side is so long, up to a number.

        Raises:
            UsageError: not one fits.
        """
        fit = [n for n in range(1, most + 1) if -(-side // 2**n) >= LEAST]
        if not fit:
            raise UsageError(f"A picture {side} pixels high or wide is too small to learn a layer of.")
        return SkipNet(max(fit), channels, skips)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters by name, in the order of the published code."""
        return dict(self._shapes())

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The way down, scale by scale, then the way up."""
        wide, skips = self.channels, self.skips
        for s in range(self.scales):
            inputs = 3 if s == 0 else wide
            yield from _convolved(f"{s}.skip", skips, inputs, 1)
            yield from _normed(f"{s}.skip", skips)
            yield from _convolved(f"{s}.down", wide, inputs, 3)
            yield from _normed(f"{s}.down", wide)
            yield from _convolved(f"{s}.deep", wide, wide, 3)
            yield from _normed(f"{s}.deep", wide)
        for s in reversed(range(self.scales)):
            yield from _normed(f"{s}.both", wide + skips)
            yield from _convolved(f"{s}.up", wide, wide + skips, 3)
            yield from _normed(f"{s}.up", wide)
            yield from _convolved(f"{s}.out", wide, wide, 1)
            if s:
                yield from _normed(f"{s}.out", wide)
        yield from _convolved("head", 4, wide, 1)

    def begin(self, noise: Draws) -> dict[str, Tensor]:
        """What it sets out with: uniform within one over the root of a layer's inputs, norms of 1 and 0."""
        shapes, found = self.shapes, dict[str, Tensor]()
        for name, shape in shapes.items():
            layer, kind = name.split("/")
            if layer.endswith(".norm"):
                found[name] = torch.full(shape, float(kind == "weight"))
                continue
            bound = torch.Size(shapes[f"{layer}/weight"][1:]).numel() ** -0.5
            found[name] = bound * (2 * uniform(noise, shape, "layer", name) - 1)
        return found

    def __call__(self, weights: Weights, picture: Colours) -> Painted:
        """The layer of a picture; any size that leaves two cells a side at the coarsest scale."""
        made = F.conv2d(self._scale(weights, picture, 0), weights["head/weight"], weights["head/bias"])
        colours = torch.einsum("bchw,cd->bdhw", made[:, :3], apart().to(made))
        return torch.cat([colours, made[:, 3:]], 1).sigmoid()

    def _scale(self, weights: Weights, x: Tensor, s: int) -> Tensor:
        skip = _active(weights, f"{s}.skip", _conv(weights, f"{s}.skip", x))
        deep = _active(weights, f"{s}.down", _conv(weights, f"{s}.down", x, stride=2))
        deep = _active(weights, f"{s}.deep", _conv(weights, f"{s}.deep", deep))
        deep = self._scale(weights, deep, s + 1) if s + 1 < self.scales else deep
        deep = F.interpolate(deep, scale_factor=2, mode="bilinear", align_corners=False)
        both = _norm(weights, f"{s}.both", torch.cat(_shared(skip, deep), 1))
        up = _active(weights, f"{s}.up", _conv(weights, f"{s}.up", both))
        out = _conv(weights, f"{s}.out", up)
        return F.leaky_relu(_norm(weights, f"{s}.out", out) if s else out, SLOPE)


def apart() -> Float[Tensor, "3 3"]:
    """From what the network says to red, green and blue."""
    shares = torch.tensor(_SHARES)
    shares = shares / torch.tensor((1.6, 1.0, 1.0))
    return (shares / shares.square().sum(0).sqrt().amax()).T


def _convolved(layer: str, outputs: int, inputs: int, side: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{layer}/weight", (outputs, inputs, side, side)
    yield f"{layer}/bias", (outputs,)


def _normed(layer: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{layer}.norm/weight", (channels,)
    yield f"{layer}.norm/bias", (channels,)


def _conv(weights: Weights, layer: str, x: Tensor, stride: int = 1) -> Tensor:
    """A convolution over the picture and its mirror image beyond the border."""
    kernel, bias = weights[f"{layer}/weight"], weights[f"{layer}/bias"]
    edge = kernel.shape[-1] // 2
    return F.conv2d(F.pad(x, (edge,) * 4, mode="reflect") if edge else x, kernel, bias, stride)


def _norm(weights: Weights, layer: str, x: Tensor) -> Tensor:
    """Each channel brought to its own mean and spread, over this picture alone."""
    own = weights[f"{layer}.norm/weight"], weights[f"{layer}.norm/bias"]
    return F.batch_norm(x, None, None, *own, training=True)


def _active(weights: Weights, layer: str, x: Tensor) -> Tensor:
    return F.leaky_relu(_norm(weights, layer, x), SLOPE)


def _shared(*parts: Tensor) -> list[Tensor]:
    """The middle of each, of the size of the smallest."""
    height, width = (min(part.shape[axis] for part in parts) for axis in (-2, -1))
    corners = [((p.shape[-2] - height) // 2, (p.shape[-1] - width) // 2) for p in parts]
    return [
        p[..., top : top + height, left : left + width] for p, (top, left) in zip(parts, corners, strict=True)
    ]
