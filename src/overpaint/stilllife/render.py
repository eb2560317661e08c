"""Pictures of scenes: analytic 2.5-D shading, batched, on any device."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d

from overpaint.stilllife.objects import Patches, patches
from overpaint.stilllife.scene import FRAME, Scene, SceneError
from overpaint.stilllife.surroundings import backdrop, shadows

LEVELS = 10
"""Steps of brightness in the pixel style's palette."""
BLOCK = 4
"""Frame pixels a side of the pixel style's blocks."""
CHUNK = 16
CHUNK_ACCELERATOR = 512
"""Pictures drawn at once: few stay in the cache of a processor, many fill an accelerator."""


def render(
    scenes: Sequence[Scene], size: int = FRAME, device: str | torch.device = "cpu"
) -> Float[Tensor, "b 3 h w"]:
    """Draw every scene, values in [0, 1]. `size` must be a multiple of 32."""
    if size % 32 or size < 32:
        raise SceneError(f"A picture of {size} px cannot be drawn; choose a multiple of 32.")
    device = torch.device(device)
    step = CHUNK if device.type == "cpu" else CHUNK_ACCELERATOR
    return torch.cat([_drawn(scenes[k : k + step], size, device) for k in range(0, len(scenes), step)])


def _drawn(scenes: Sequence[Scene], size: int, device: torch.device) -> Tensor:
    x, y = frame_grid(size, device)
    canvas = backdrop(scenes, x, y) * shade_ground(scenes, x, y)
    things = patches(scenes, size, x.device)
    pencil = torch.tensor([s.style == "pencil" for s in scenes], device=x.device)
    canvas = _paste(canvas, things, pencil)
    return _styled(scenes, canvas.clamp(0, 1), x, y)


def frame_grid(size: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Pixel middles in frame pixels, "1 h w" each."""
    line = (torch.arange(size, device=device) + 0.5) * (FRAME / size)
    return line.view(1, 1, -1).expand(1, size, size), line.view(1, -1, 1).expand(1, size, size)


def shade_ground(scenes: Sequence[Scene], x: Tensor, y: Tensor) -> Tensor:
    """Shadows, tinted slightly blue, "b 3 h w"."""
    kept = shadows(scenes, x, y).unsqueeze(1)
    tint = torch.tensor((1.0, 0.98, 0.90), device=x.device).view(1, 3, 1, 1)
    return 1 - (1 - kept) * tint


def window(things: Patches, chosen: Tensor, margin: int) -> tuple[Tensor, Tensor, Tensor]:
    """Indices (picture, row, column) of the chosen grids in a canvas padded by `margin` pixels."""
    span = torch.arange(things.cover.shape[-1], device=chosen.device)
    rows = things.top[chosen].view(-1, 1, 1) + span.view(1, -1, 1) + margin
    columns = things.left[chosen].view(-1, 1, 1) + span.view(1, 1, -1) + margin
    return things.picture[chosen].view(-1, 1, 1), rows, columns


def _paste(canvas: Tensor, things: Patches, pencil: Tensor) -> Tensor:
    """Lay the things over the ground from left to right."""
    margin = things.cover.shape[-1]
    padded = torch.nn.functional.pad(canvas, (margin,) * 4).permute(0, 2, 3, 1).contiguous()
    outline = (1.3 - (things.line + 0.4).abs() / 2).clamp(0, 1) * pencil[things.picture].view(-1, 1, 1)
    colour = things.colour * (1 - 0.55 * outline).unsqueeze(1)
    cover = torch.maximum(things.cover, 0.8 * outline)
    for nth in range(int(things.nth.max()) + 1):
        chosen = (things.nth == nth).nonzero().squeeze(1)
        where = window(things, chosen, margin)
        old = padded[where]
        padded[where] = torch.lerp(old, colour[chosen].permute(0, 2, 3, 1), cover[chosen].unsqueeze(-1))
    return padded[:, margin:-margin, margin:-margin].permute(0, 3, 1, 2)


def _styled(scenes: Sequence[Scene], canvas: Tensor, x: Tensor, y: Tensor) -> Tensor:
    out = canvas.contiguous()
    for style, draw in (("pencil", _pencil), ("pixel", _pixel)):
        chosen = [k for k, scene in enumerate(scenes) if scene.style == style]
        if chosen:
            own = torch.tensor(chosen, device=canvas.device)
            out[own] = draw(canvas[own], x, y)
    return out


def _pencil(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Paper shows through, and strokes of a fixed period of eight frame pixels lie over everything."""
    grey = picture.mean(1, keepdim=True)
    stroke = torch.cos(2 * math.pi * (x + y) / 8).unsqueeze(1)
    paper = torch.tensor((0.99, 0.97, 0.92), device=x.device).view(1, 3, 1, 1)
    light = torch.lerp(picture, paper, 0.19 + 0.07 * stroke)
    return (light - 0.02 * stroke * (1 - grey)).clamp(0, 1)


def _pixel(picture: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """Blocks of one colour from a small palette."""
    block = BLOCK * picture.shape[-1] // FRAME
    small = avg_pool2d(picture, block) if block > 1 else picture
    bright = small.amax(1, keepdim=True).clamp_min(1e-3)
    small = small * ((bright * LEVELS).round().clamp_min(0.5) / (LEVELS * bright))
    small = small.clamp(0, 1)
    return small.repeat_interleave(block, 2).repeat_interleave(block, 3)
