"""The things of a picture: shapes painted, lit and shaded on a small grid around each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overpaint.stilllife.light import LIGHTS, PAINT, PATTERN, SUN_FROM
from overpaint.stilllife.scene import FRAME, Scene, Thing
from overpaint.stilllife.shapes import SCULPTORS, Relief
from overpaint.stilllife.surroundings import colours, column

PATCH = 64
"""Width and height of the grid around an object, in frame pixels."""
BELOW = 4
"""Frame pixels of the grid below the line the object stands on."""


@dataclass(frozen=True)
class Patches:
    """All things of a batch, each on its own grid: shaped "n h w" or "n 3 h w".

    `top` and `left` are the grid's corner in the picture, `picture` and `nth` say whose thing it is.
    """

    cover: Tensor
    line: Tensor
    normal: Tensor
    colour: Tensor
    top: Tensor
    left: Tensor
    picture: Tensor
    nth: Tensor


def patches(scenes: Sequence[Scene], size: int, device: torch.device) -> Patches:
    """Shade every thing of every scene."""
    owners = [(b, k) for b, scene in enumerate(scenes) for k in range(len(scene.things))]
    things = [scenes[b].things[k] for b, k in owners]
    scale = size / FRAME
    corner = [(round((t.row + BELOW - PATCH) * scale), round((t.x - PATCH / 2) * scale)) for t in things]
    grid = torch.arange(round(PATCH * scale), device=device) + 0.5
    half = column([t.half for t in things], grid)
    left = column([left for _, left in corner], grid)
    top = column([top for top, _ in corner], grid)
    x = ((grid.view(1, 1, -1) + left) / scale - column([t.x for t in things], grid)) / half
    y = (column([t.row for t in things], grid) - (grid.view(1, -1, 1) + top) / scale) / half
    x, y = x.expand(-1, len(grid), -1), y.expand(-1, -1, len(grid))
    cover, distance, normal, paint, fixed = _sculpt(things, x, y, half * scale)
    colour = _shade([scenes[b] for b, _ in owners], things, x, y, half, (normal, paint, fixed))
    numbers = torch.tensor([(*c, *o) for c, o in zip(corner, owners, strict=True)], device=device)
    return Patches(cover, distance.mul(half), normal, colour, *numbers.unbind(1))


FLAT_KINDS = ("cube", "house")
"""Plane faces mirror a streak of sky instead of a round highlight."""

Relieved = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def _sculpt(things: list[Thing], x: Tensor, y: Tensor, pixels: Tensor) -> Relieved:
    groups: dict[tuple[str, str], list[int]] = {}
    for k, thing in enumerate(things):
        groups.setdefault((thing.kind, thing.pose), []).append(k)
    out = torch.empty(9, *x.shape, device=x.device)
    for key, members in groups.items():
        own = torch.tensor(members, device=x.device)
        relief = Relief.empty(x[own], pixels[own])
        SCULPTORS[key](relief, x[own], y[own])
        parts = [relief.cover, relief.distance, relief.paint, *relief.normal, *relief.fixed]
        out[:, own] = torch.stack(parts)
    out[2:] /= out[0].clamp_min(1e-3)
    normal = out[3:6] / out[3:6].square().sum(0).sqrt().clamp_min(0.05)
    return out[0], out[1], normal.transpose(0, 1), out[2], out[6:9].transpose(0, 1)


def _shade(
    scenes: list[Scene], things: list[Thing], x: Tensor, y: Tensor, half: Tensor, relief: tuple[Tensor, ...]
) -> Tensor:
    normal, paint, fixed = relief
    albedo = colours([PAINT[t.colour] for t in things], x)
    mark = _pattern(things, x, y, half).unsqueeze(1)
    albedo = torch.lerp(albedo, colours([PATTERN[t.colour] for t in things], x), mark)
    albedo = albedo * paint.unsqueeze(1) + fixed
    gloss = column([float(t.material == "shiny") for t in things], x)
    bulged = torch.stack(
        (normal[:, 0] + 0.35 * gloss * x, normal[:, 1] + 0.35 * gloss * (y - 1), normal[:, 2]), 1
    )
    bulged = bulged / bulged.square().sum(1, keepdim=True).sqrt().clamp_min(0.05)
    lights = [LIGHTS[scene.time] for scene in scenes]
    sun = torch.tensor(SUN_FROM, device=x.device).view(1, 3, 1, 1)
    facing = (normal * sun).sum(1)
    diffuse = (0.25 + 0.75 * facing).clamp(0, 1)
    ground = (0.86 + 0.14 * (y / 0.7).clamp(0, 1)).unsqueeze(1)
    ambient, bright = colours([v.ambient for v in lights], x), colours([v.sun for v in lights], x)
    deep = (1 - 0.22 * gloss).unsqueeze(1)
    lit = albedo * (ambient * deep + bright * diffuse.unsqueeze(1)) * ground
    plane = column([0.75 * float(t.kind in FLAT_KINDS) for t in things], x)
    streak = (1 - ((0.75 * x + y - 1.35) / 0.30).square()).clamp_min(0).sqrt() * plane
    return _polish(lit, bulged, (gloss * paint).unsqueeze(1), ambient + bright, streak.unsqueeze(1))


def _polish(lit: Tensor, normal: Tensor, gloss: Tensor, light: Tensor, streak: Tensor) -> Tensor:
    half = torch.nn.functional.normalize(torch.tensor((SUN_FROM[0], SUN_FROM[1], SUN_FROM[2] + 1.0)), dim=0)
    glint = (normal * half.to(normal).view(1, 3, 1, 1)).sum(1, keepdim=True).clamp(0, 1).pow(14)
    rim = (1 - normal[:, 2:3]).clamp(0, 1).square()
    shine = gloss * (torch.maximum(glint, streak) + 0.42 * rim).clamp(0, 1)
    return torch.lerp(lit, light.clamp(0, 1), shine)


STRIPE = 9.5
DOT = 5.4
"""Width of a stripe and radius of a dot, in frame pixels."""


def _pattern(things: list[Thing], x: Tensor, y: Tensor, half: Tensor) -> Tensor:
    """Where the second tone is, "n h w": soft-edged bands across the object's axis, or dots."""
    lying = column([float(t.pose == "lying" and t.kind != "ring") for t in things], x)
    across, along = torch.lerp(x, y - 0.8, lying) * half, torch.lerp(y - 1, x, lying) * half
    striped = column([float(t.material == "striped") for t in things], x)
    dotted = column([float(t.material == "dotted") for t in things], x)
    bent = along + 0.10 * across.square() / half
    phase = (bent / (2 * STRIPE) + 0.25).remainder(1.0)
    stripe = ((STRIPE / 2 - (phase - 0.5).abs() * 2 * STRIPE) / 3 + 0.5).clamp(0, 1)
    step = 20.0
    row = (along / (step * 0.85)).round()
    near_y = along - row * step * 0.85
    shift = across / step + 0.5 * row.remainder(2)
    near_x = (shift - shift.round()) * step
    dot = ((DOT - (near_x.square() + near_y.square()).sqrt()) / 3 + 0.5).clamp(0, 1)
    return stripe * striped + dot * dotted
