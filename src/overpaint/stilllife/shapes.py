"""Outlines and normals of the nine kinds, as closed formulas on a small grid around each object.

Local coordinates: x to the right and y up in units of the object's half width, the object standing on y = 0
inside [-1, 1] x [0, 2]. Normals point to the right, up and towards the viewer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

Normal = tuple[Tensor, Tensor, Tensor]
Tint = tuple[float, float, float]

SOFT = 2.8
"""Width of an edge in pixels: a soft lens, which a small codec keeps better than a hard cut."""

WOOD: Tint = (0.42, 0.27, 0.16)
CREAM: Tint = (0.93, 0.87, 0.74)
SLATE: Tint = (0.40, 0.33, 0.33)
PANE: Tint = (1.0, 0.90, 0.55)
COAL: Tint = (0.16, 0.14, 0.16)
CARROT: Tint = (0.98, 0.48, 0.08)


@dataclass
class Relief:
    """Parts laid over each other: what is covered, which way it faces, painted or of a fixed colour."""

    pixels: Tensor
    cover: Tensor
    distance: Tensor
    normal: list[Tensor] = field(default_factory=list[Tensor])
    paint: Tensor = field(default_factory=lambda: torch.zeros(()))
    fixed: list[Tensor] = field(default_factory=list[Tensor])

    @classmethod
    def empty(cls, x: Tensor, pixels: Tensor) -> Relief:
        nothing = torch.zeros_like(x)
        return cls(pixels, nothing, nothing + 9.0, [nothing] * 3, nothing, [nothing] * 3)

    def add(self, distance: Tensor, normal: Normal, tint: Tint | None = None) -> None:
        """Lay a part over the others; `tint` None takes the object's own colour and material."""
        here = (0.5 - distance * self.pixels / SOFT).clamp(0, 1)
        self.distance = torch.minimum(self.distance, distance)
        self.cover = self.cover + here * (1 - self.cover)
        self.normal = [torch.lerp(old, new, here) for old, new in zip(self.normal, normal, strict=True)]
        self.paint = self.paint * (1 - here) + (here if tint is None else 0)
        tints = tint or (0.0, 0.0, 0.0)
        self.fixed = [old + here * (t - old) for old, t in zip(self.fixed, tints, strict=True)]


def _oval(x: Tensor, y: Tensor, cx: float, cy: float, rx: float, ry: float) -> tuple[Tensor, Normal]:
    u, v = (x - cx) / rx, (y - cy) / ry
    r = (u * u + v * v).sqrt().clamp_min(1e-4)
    slope = ((u / rx).square() + (v / ry).square()).sqrt().clamp_min(1e-4)
    return (r - 1) * r / slope, (u, v, (1 - r * r).clamp_min(0).sqrt())


def _box(x: Tensor, y: Tensor, left: float, right: float, low: float, high: float) -> Tensor:
    across = (x - (left + right) / 2).abs() - (right - left) / 2
    return torch.maximum(across, (y - (low + high) / 2).abs() - (high - low) / 2)


def _flat(x: Tensor, nx: float, ny: float, nz: float) -> Normal:
    return torch.full_like(x, nx), torch.full_like(x, ny), torch.full_like(x, nz)


def _round(side: Tensor, up: float) -> Normal:
    side = side.clamp(-1, 1)
    flat = (1 - up * up) ** 0.5
    return side * flat, torch.full_like(side, up), (1 - side * side).clamp_min(0).sqrt() * flat


def _ball(out: Relief, x: Tensor, y: Tensor) -> None:
    out.add(*_oval(x, y, 0.0, 1.0, 1.0, 1.0))


def _cube(out: Relief, x: Tensor, y: Tensor) -> None:
    tilt, ax = 0.35, x.abs()
    hexagon = torch.maximum(ax - 0.93, torch.maximum(tilt * ax - y, y - 1.95 + tilt * ax) * 0.94)
    out.add(hexagon, _flat(x, -0.72, 0.1, 0.69))
    out.add(torch.maximum(hexagon, -x), _flat(x, 0.85, 0.0, 0.53))
    out.add(torch.maximum(hexagon, (1.30 + tilt * ax - y) * 0.94), _flat(x, -0.1, 0.95, 0.3))


def _cone(out: Relief, x: Tensor, y: Tensor) -> None:
    wide, low, high = 0.86, 0.2, 2.0
    half = wide * (high - y).clamp_min(0.0) / (high - low)
    slant = (x.abs() - wide * (high - y) / (high - low)) * 0.9
    side = torch.maximum(slant, low - y)
    base, _ = _oval(x, y, 0.0, low, wide, low)
    out.add(torch.minimum(side, base), _round(x / half.clamp_min(0.05), 0.3))


def _lying_cone(out: Relief, x: Tensor, y: Tensor) -> None:
    wide, low = 0.86, 0.2
    along = x + 1
    half = wide * (2 - along).clamp_min(0.0) / (2 - low)
    off = y - wide * (1 - (along - low) / (2 - low)).clamp(0, 1)
    side = torch.maximum((off.abs() - half) * 0.9, low - along)
    base, _ = _oval(x, y, low - 1.0, wide, low, wide)
    turn, up, front = _round(off / half.clamp_min(0.05), 0.25)
    out.add(torch.minimum(side, base), (up, turn, front))
    out.add(base, _flat(x, -0.9, 0.1, 0.42))


def _cylinder(out: Relief, x: Tensor, y: Tensor) -> None:
    wide, flat = 0.72, 0.22
    lid, _ = _oval(x, y, 0.0, 2.0 - flat, wide, flat)
    base, _ = _oval(x, y, 0.0, flat, wide, flat)
    body = torch.minimum(_box(x, y, -wide, wide, flat, 2 - flat), base)
    out.add(torch.minimum(body, lid), _round(x / wide, 0.0))
    out.add(lid, _flat(x, 0.1, 0.93, 0.35))


def _tube(out: Relief, x: Tensor, y: Tensor, squash: float) -> None:
    middle, thick = 0.68, 0.32
    v = (y - squash) / squash
    r = (x * x + v * v).sqrt().clamp_min(1e-4)
    m = ((r - middle) / thick).clamp(-1, 1)
    top = (1 - m * m).clamp_min(0).sqrt()
    steep = ((x / r).square() + (v / r / squash).square()).sqrt()
    away = (1 - squash * squash) ** 0.5
    normal = (m * x / r, m * v / r * squash + top * away, top * squash - m * v / r * away)
    out.add(((r - middle).abs() - thick) / steep, normal)


def _ring(out: Relief, x: Tensor, y: Tensor) -> None:
    _tube(out, x, y, 1.0)


def _flat_ring(out: Relief, x: Tensor, y: Tensor) -> None:
    _tube(out, x, y, 0.55)


def _house(out: Relief, x: Tensor, y: Tensor) -> None:
    wall = (x * 0.35, torch.zeros_like(x), torch.full_like(x, 0.93))
    out.add(_box(x, y, 0.38, 0.66, 1.2, 1.9), _flat(x, 0.0, 0.2, 0.97), WOOD)
    out.add(_box(x, y, -0.82, 0.82, 0.0, 1.3), wall)
    roof = torch.maximum((x.abs() * 0.9 + y - 2.0) * 0.74, 1.08 - y)
    out.add(roof, (x * 0.5, torch.full_like(x, 0.6), torch.full_like(x, 0.7)), SLATE)
    out.add(_box(x, y, -0.52, -0.12, -0.1, 0.72), wall, WOOD)
    out.add(_box(x, y, 0.16, 0.56, 0.38, 0.8), wall, PANE)


def _tree(out: Relief, x: Tensor, y: Tensor) -> None:
    out.add(_box(x, y, -0.16, 0.16, 0.0, 1.0), _round(x / 0.16, 0.0), WOOD)
    for cx, cy, r in ((-0.46, 1.02, 0.5), (0.46, 1.02, 0.5), (0.0, 1.36, 0.64)):
        out.add(*_oval(x, y, cx, cy, r, r))


def _mushroom(out: Relief, x: Tensor, y: Tensor) -> None:
    stem = torch.minimum(_box(x, y, -0.3, 0.3, 0.12, 1.0), _oval(x, y, 0.0, 0.14, 0.36, 0.14)[0])
    out.add(stem, _round(x / 0.34, 0.0), CREAM)
    dome, bent = _oval(x, y, 0.0, 0.9, 1.0, 1.0)
    below, flat = _oval(x, y, 0.0, 0.9, 1.0, 0.2)
    upper = (y >= 0.9).to(x.dtype)
    normal = (bent[0], bent[1] * upper, torch.lerp(flat[2] * 0.8, bent[2], upper))
    out.add(torch.lerp(below, dome, upper), normal)


def _snowman(out: Relief, x: Tensor, y: Tensor) -> None:
    out.add(*_oval(x, y, 0.0, 0.6, 0.68, 0.6))
    head = _oval(x, y, 0.0, 1.38, 0.46, 0.42)
    out.add(*head)
    front = head[1]
    brim = torch.minimum(_box(x, y, -0.5, 0.5, 1.62, 1.74), _box(x, y, -0.3, 0.3, 1.66, 2.0))
    out.add(brim, _round(x / 0.5, 0.0), COAL)
    for cx in (-0.17, 0.17):
        out.add(_oval(x, y, cx, 1.5, 0.075, 0.075)[0], front, COAL)
    out.add(_oval(x, y, 0.12, 1.34, 0.22, 0.085)[0], front, CARROT)
    for cy in (0.5, 0.85):
        out.add(_oval(x, y, 0.0, cy, 0.085, 0.085)[0], _flat(x, 0.0, 0.3, 0.95), COAL)


Sculptor = Callable[[Relief, Tensor, Tensor], None]


def _laid(sculptor: Sculptor, middle: float) -> Sculptor:
    """The same shape on its side, its top to the right, its axis `middle` above the ground."""

    def lying(out: Relief, x: Tensor, y: Tensor) -> None:
        sculptor(out, y - middle, x + 1)
        side, up, front = out.normal
        out.normal = [up, side, front]

    return lying


SCULPTORS: Mapping[tuple[str, str], Sculptor] = {
    ("ball", "upright"): _ball,
    ("cube", "upright"): _cube,
    ("cone", "upright"): _cone,
    ("cone", "lying"): _lying_cone,
    ("cylinder", "upright"): _cylinder,
    ("cylinder", "lying"): _laid(_cylinder, 0.72),
    ("ring", "upright"): _ring,
    ("ring", "lying"): _flat_ring,
    ("house", "upright"): _house,
    ("tree", "upright"): _tree,
    ("mushroom", "upright"): _mushroom,
    ("snowman", "upright"): _snowman,
}

FOOT: Mapping[tuple[str, str], tuple[float, float]] = {
    ("ball", "upright"): (0.75, 1.0),
    ("cube", "upright"): (0.95, 0.9),
    ("cone", "upright"): (0.9, 0.8),
    ("cone", "lying"): (1.0, 0.7),
    ("cylinder", "upright"): (0.8, 0.9),
    ("cylinder", "lying"): (1.0, 0.7),
    ("ring", "upright"): (0.6, 0.9),
    ("ring", "lying"): (1.0, 0.5),
    ("house", "upright"): (0.95, 1.0),
    ("tree", "upright"): (0.5, 1.0),
    ("mushroom", "upright"): (0.6, 1.0),
    ("snowman", "upright"): (0.75, 0.9),
}
"""Half width of the foot (its contact shadow) and reach of the cast shadow, in half widths."""
