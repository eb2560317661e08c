"""Views of a picture for CLIP: copies that are turned, shifted and seen askew, so that no pixel is flattered.

Warps are sampling grids, drawn from the seeded source or handed in, and gradients flow through them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, grid_sample, pad

from overpaint.network import Pixels
from overpaint.noise import Draws, Key

FINE = 2**24
"""Steps of a uniform draw: as many as float32 tells apart in [0, 1)."""
Grid = Float[Tensor, "copies height width 2"]
Corners = Float[Tensor, "copies 4 2"]


def uniform(draws: Draws, shape: tuple[int, ...], *key: Key) -> Tensor:
    """Uniform numbers in [0, 1) for that key."""
    return draws.integers(0, FINE, shape, *key).float() / FINE


@dataclass(frozen=True)
class Warp:
    """One warp of several copies, and which of them it happens to."""

    grid: Grid
    """Where each pixel is fetched from, in [-1, 1]."""
    on: Float[Tensor, " copies"]
    """1 where it happens, 0 where not."""
    edge: str = "zeros"
    """What lies outside: ``zeros``, or the ``border`` carried on."""
    fill: float = 0.0
    """With zeros, the value of what lies outside."""

    def __call__(self, pixels: Pixels) -> Pixels:
        """The copies, those warped that it happens to."""
        seen = grid_sample(
            pixels - self.fill, self.grid.to(pixels), padding_mode=self.edge, align_corners=False
        )
        on = self.on.to(pixels).view(-1, 1, 1, 1)
        return torch.where(on > 0, seen + self.fill, pixels)


Warps = Callable[[int, int, int], tuple[Warp, ...]]
"""From a step, a number of copies and a side in pixels to the warps of that step, one after the other."""


def extended(
    pixels: Float[Tensor, "1 3 height width"], side: int, copies: int, warps: tuple[Warp, ...]
) -> Float[Tensor, "copies 3 side side"]:
    """A picture pooled to a side and copied; the first copy stays clean, the others are warped.

    The extending augmentations of Avrahami et al., "Blended Diffusion", CVPR 2022, arXiv:2111.14818.
    """
    small = adaptive_avg_pool2d(pixels, side)
    if copies == 1:
        return small
    turned = small.expand(copies - 1, -1, -1, -1)
    for warp in warps:
        turned = warp(turned)
    return torch.cat([small, turned])


@dataclass(frozen=True)
class Extending:
    """Their published warps: turned and shifted over a carried border, then seen askew before grey."""

    draws: Draws
    name: str
    """Whose copies they are."""
    chance: float = 0.7

    def __call__(self, i: int, copies: int, side: int) -> tuple[Warp, ...]:
        """The warps of step ``i``."""
        key, size = (self.name, i), (side, side)
        turn, skew = (self._on(copies, kind, i) for kind in ("turn", "skew"))
        return (
            Warp(affine(self.draws, copies, size, 15.0, 0.1, "affine", *key), turn, "border"),
            Warp(perspective(self.draws, copies, size, 0.7, "perspective", *key), skew),
        )

    def _on(self, copies: int, kind: str, i: int) -> Tensor:
        return happens(self.draws, copies, self.chance, kind, self.name, i)


def happens(draws: Draws, copies: int, chance: float, *key: Key) -> Float[Tensor, " copies"]:
    """1 for copies that something happens to, each with the same chance."""
    return (uniform(draws, (copies,), *key) < chance).float()


def affine(draws: Draws, copies: int, size: tuple[int, int], degrees: float, shift: float, *key: Key) -> Grid:
    """Turned by up to so many degrees about the middle, shifted by up to a share of each side."""
    height, width = size
    angle, across, down = (uniform(draws, (3, copies), *key) * 2 - 1).unbind(0)
    angle, tall = torch.deg2rad(degrees * angle), height / width
    cos, sin = angle.cos(), angle.sin()
    base = plain(size).expand(copies, -1, -1, -1)
    x, y = base[..., 0] - 2 * shift * across.view(-1, 1, 1), base[..., 1] - 2 * shift * down.view(-1, 1, 1)
    cos, sin = cos.view(-1, 1, 1), sin.view(-1, 1, 1)
    return torch.stack([cos * x + sin * y * tall, -sin * x / tall + cos * y], -1)


def perspective(draws: Draws, copies: int, size: tuple[int, int], strength: float, *key: Key) -> Grid:
    """Each corner drawn inwards by up to half of ``strength`` of either side."""
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]).expand(copies, -1, -1)
    inward = corners * (1 - strength * uniform(draws, (copies, 4, 2), *key))
    return projected(homography(inward, corners), plain(size))


def plain(size: tuple[int, int]) -> Float[Tensor, "1 height width 2"]:
    """The grid that changes nothing."""
    rows, columns = ((torch.arange(n) * 2 + 1) / n - 1 for n in size)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], -1)[None]


def homography(start: Corners, end: Corners) -> Float[Tensor, "copies 3 3"]:
    """The projective map that takes four points to four others."""
    x, y, u, v = *start.double().unbind(-1), *end.double().unbind(-1)
    one, none = torch.ones_like(x), torch.zeros_like(x)
    rows = [
        torch.stack([x, y, one, none, none, none, -u * x, -u * y], -1),
        torch.stack([none, none, none, x, y, one, -v * x, -v * y], -1),
    ]
    found = cast(Any, torch.linalg).solve(torch.cat(rows, 1), torch.cat([u, v], 1))
    return pad(found, (0, 1), value=1.0).view(-1, 3, 3).float()


def projected(maps: Float[Tensor, "copies 3 3"], grid: Float[Tensor, "1 height width 2"]) -> Grid:
    """Points sent through projective maps."""
    whole = torch.cat([grid, torch.ones_like(grid[..., :1])], -1)
    sent = torch.einsum("nij,nhwj->nhwi", maps, whole.expand(len(maps), -1, -1, -1))
    return sent[..., :2] / sent[..., 2:]
