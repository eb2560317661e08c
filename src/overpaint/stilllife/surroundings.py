"""Sky, ground and shadows: smooth waves and gradients only, so that a small codec can keep them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overpaint.stilllife.light import GROUND, LIGHTS, Light
from overpaint.stilllife.scene import FRAME, Scene
from overpaint.stilllife.shapes import FOOT


@dataclass(frozen=True)
class Detail:
    """What no word can name, drawn from the scene's seed alone."""

    horizon: float
    disc_x: float
    clouds: tuple[float, ...]
    phases: tuple[float, ...]


def detail(scene: Scene) -> Detail:
    """The details of one scene; equal for all scenes of the same seed."""
    rng = random.Random(f"detail {scene.seed}")
    clouds = tuple(rng.random() for _ in range(6))
    return Detail(
        horizon=float(rng.choice((48, 56, 64))),
        disc_x=rng.uniform(16, 112),
        clouds=clouds,
        phases=tuple(rng.uniform(0, 2 * math.pi) for _ in range(4)),
    )


def column(values: Sequence[float | int], like: Tensor) -> Tensor:
    """One number a picture, shaped to broadcast over its pixels."""
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)


def colours(values: Sequence[tuple[float, float, float]], like: Tensor) -> Tensor:
    """One colour a picture, shaped "b 3 1 1"."""
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 3, 1, 1)


def backdrop(scenes: Sequence[Scene], x: Tensor, y: Tensor) -> Tensor:
    """Sky and ground without shadows, "b 3 h w"."""
    details = [detail(scene) for scene in scenes]
    lights = [LIGHTS[scene.time] for scene in scenes]
    horizon = column([d.horizon for d in details], x)
    sky = _sky(details, lights, horizon, x, y)
    ground = _ground(scenes, details, lights, horizon, x, y)
    return torch.lerp(sky, ground, ((y - horizon) / 5 + 0.5).clamp(0, 1).unsqueeze(1))


def _sky(details: list[Detail], lights: list[Light], horizon: Tensor, x: Tensor, y: Tensor) -> Tensor:
    height = (y / horizon).clamp(0, 1).unsqueeze(1)
    sky = torch.lerp(colours([v.zenith for v in lights], x), colours([v.horizon for v in lights], x), height)
    cloud = torch.zeros_like(x * horizon)
    for first in (0, 3):
        cx = column([-10 + 148 * d.clouds[first] for d in details], x)
        cy = column([8 + 22 * d.clouds[first + 1] for d in details], x)
        wide = column([26 + 18 * d.clouds[first + 2] for d in details], x)
        far = ((x - cx) / wide).square() + ((y - cy) / (0.30 * wide)).square()
        cloud = torch.maximum(cloud, (1 - far).clamp_min(0))
    sky = torch.lerp(sky, colours([v.cloud for v in lights], x), 0.6 * cloud.unsqueeze(1))
    up = column([v.disc_height for v in lights], x)
    far = ((x - column([d.disc_x for d in details], x)).square() + (y - horizon + up).square()).sqrt()
    glow = (1.5 - far / 10).clamp(0, 1) + 0.30 * (1 - far / 34).clamp_min(0).square()
    return torch.lerp(sky, colours([v.disc for v in lights], x), glow.clamp(0, 1).unsqueeze(1))


WAVES = {
    # per ground: (strength, pixels across, pixels down) of two waves
    "grass": ((0.040, 38.0, 30.0), (0.024, 28.0, 50.0)),
    "sand": ((0.030, 90.0, 22.0), (0.022, 60.0, 40.0)),
    "snow": ((0.022, 80.0, 40.0), (0.014, 50.0, 60.0)),
    "stone": ((0.040, 48.0, 34.0), (0.032, 34.0, 60.0)),
    "water": ((0.050, 150.0, 18.0), (0.040, 70.0, 26.0)),
}


def _ground(
    scenes: Sequence[Scene], details: list[Detail], lights: list[Light], horizon: Tensor, x: Tensor, y: Tensor
) -> Tensor:
    near = ((y - horizon) / (FRAME - horizon)).clamp(0, 1)
    base = colours([GROUND[scene.ground] for scene in scenes], x) * colours([v.ground for v in lights], x)
    wave = torch.zeros_like(near)
    for nth in range(2):
        strong, across, down = (column([WAVES[s.ground][nth][k] for s in scenes], x) for k in range(3))
        first = column([d.phases[2 * nth] for d in details], x)
        second = column([d.phases[2 * nth + 1] for d in details], x)
        bend = 0.8 * torch.sin(2 * math.pi * x / (1.7 * across) + second)
        wave = wave + strong * torch.sin(2 * math.pi * (y / down + (-1) ** nth * x / across) + first + bend)
    haze = colours([v.horizon for v in lights], x)
    shaded = base * (0.93 + 0.12 * near + 1.6 * wave * (0.35 + 0.65 * near)).unsqueeze(1)
    return torch.lerp(shaded, haze, 0.45 * (1 - near).pow(5).unsqueeze(1))


def shadows(scenes: Sequence[Scene], x: Tensor, y: Tensor) -> Tensor:
    """How much light the ground keeps, "b h w": soft ellipses under and to the right of every thing."""
    kept = torch.ones(len(scenes), *x.shape[-2:], dtype=x.dtype, device=x.device)
    for nth in range(max(len(scene.things) for scene in scenes)):
        having = [k for k, scene in enumerate(scenes) if len(scene.things) > nth]
        things = [scenes[k].things[nth] for k in having]
        half = column([t.half for t in things], x)
        foot = column([FOOT[t.kind, t.pose][0] for t in things], x) * half
        reach = column([FOOT[t.kind, t.pose][1] for t in things], x) * half
        dx = x - column([t.x for t in things], x)
        dy = y - column([t.row for t in things], x)
        touch = _soft(dx / (1.15 * foot + 2), (dy + 0.04 * half) / (0.24 * foot + 3))
        cast = _soft(
            (dx - 0.75 * reach) / (0.75 * reach + foot), (dy + 0.10 * half + 0.12 * dx) / (0.30 * half)
        )
        dark = column([LIGHTS[scenes[k].time].shadow for k in having], x)
        light = (1 - dark * cast) * (1 - 1.1 * dark * touch)
        kept[torch.tensor(having, device=x.device)] *= light
    return kept


def _soft(u: Tensor, v: Tensor) -> Tensor:
    inside = (1.3 - (u * u + v * v).sqrt()).mul(1.15).clamp(0, 1)
    return inside * inside * (3 - 2 * inside)
