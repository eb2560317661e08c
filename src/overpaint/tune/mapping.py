"""A small network from what a picture looks like to a scale and a shift for every number of a text.

Li et al., "StyleDiffusion: Prompt-Embedding Inversion for Text-Based Editing", arXiv:2303.15649, in the form
of its published code.
"""

from dataclasses import dataclass
from math import prod

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import (
    adaptive_avg_pool2d,
    batch_norm,
    interpolate,
    layer_norm,
    leaky_relu,
    unfold,
)

from overpaint.noise import Draws

GRAIN = 2**24
"""Uniform draws are multiples of one in so many."""
GRID, SIDE = 14, 4
"""Patches a side of what stands in for the tokens of CLIP, and cells a side of one."""
Flat = Float[Tensor, "1 parameters"]
"""All parameters of the network in one row, in the order of `ValueMapping.shapes`."""


@dataclass(frozen=True, eq=False)
class ValueMapping:
    """Three linear layers across tokens, from those of a picture to two for each of a text's.

    ``a, b = W3 (leaky(norm(W2 (W1 E))))`` for the picture's tokens ``E``: each of the text's numbers is then
    multiplied by its own in ``a``, and its own in ``b`` is added. The norm is that of a batch, over the
    numbers of a token, with a scale and a shift that are learned; it never knows of other pictures.
    """

    seen: Float[Tensor, "seen width"]
    """The tokens of the picture, as wide as the text."""
    window: int
    """How many tokens a text has."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters by name."""
        seen, made = len(self.seen), 2 * self.window
        return {
            "start.weight": (made, seen),
            "start.bias": (made,),
            "block.weight": (made, made),
            "block.bias": (made,),
            "norm.weight": (made,),
            "norm.bias": (made,),
            "end.weight": (made, made),
            "end.bias": (made,),
        }

    def begin(self, noise: Draws) -> Flat:
        """What it sets out with: uniform within one over the root of a layer's inputs, a norm of 1 and 0."""
        parts = list[Tensor]()
        for name, shape in self.shapes.items():
            layer, _, kind = name.partition(".")
            if layer == "norm":
                parts.append(torch.full(shape, float(kind == "weight"), dtype=torch.float64))
                continue
            bound = self.shapes[f"{layer}.weight"][1] ** -0.5
            drawn = noise.integers(0, GRAIN, shape, "mapping", name).double()
            parts.append(bound * (2 * drawn / GRAIN - 1))
        flat = torch.cat([part.flatten() for part in parts])
        return flat[None].float().to(self.seen.device)

    def __call__(self, flat: Flat) -> Float[Tensor, "2 window width"]:
        """The scale and the shift."""
        sizes = [prod(shape) for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), torch.split(flat[0], sizes), strict=True)
        own = {name: part.view(shape) for (name, shape), part in parts}

        def layer(name: str, x: Tensor) -> Tensor:
            return own[f"{name}.weight"] @ x + own[f"{name}.bias"][:, None]

        x = layer("block", layer("start", self.seen))
        x = batch_norm(x[None], None, None, own["norm.weight"], own["norm.bias"], training=True)[0]
        return layer("end", leaky_relu(x, 0.01)).view(2, self.window, -1)


def as_wide(tokens: Float[Tensor, "seen own"], width: int) -> Float[Tensor, "seen width"]:
    """Tokens as wide as a text, interpolated where they are not."""
    tokens = tokens.float()
    if tokens.shape[-1] == width:
        return tokens
    return interpolate(tokens[:, None], width, mode="linear", align_corners=False)[:, 0]


def patches(x0: Float[Tensor, "1 c h w"]) -> Float[Tensor, "seen own"]:
    """A latent as a picture tower would cut it up: 14 patches a side, each of unit spread, after their mean.

    For models that have no such tower beside them.
    """
    cells = adaptive_avg_pool2d(x0.float(), SIDE * GRID)
    own = unfold(cells, SIDE, stride=SIDE)[0].T
    own = torch.cat([own.mean(0, keepdim=True), own])
    return layer_norm(own, own.shape[-1:])
