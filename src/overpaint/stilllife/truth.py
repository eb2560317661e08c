"""What is known about a drawn picture: masks, names, depth, normals and edges, from the same shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from overpaint.stilllife.objects import patches
from overpaint.stilllife.render import frame_grid, window
from overpaint.stilllife.scene import FRAME, KINDS, Scene
from overpaint.stilllife.surroundings import column, detail

NAMES = ("sky", "ground", *KINDS)
"""Names of the values of `Truth.segments`."""
FAR = 20.0
"""Depth of the sky; the nearest ground is at 1."""


@dataclass(frozen=True)
class Truth:
    """The known answers of a batch of pictures.

    `masks[:, k]` is where the k-th thing from the left is seen; `segments` indexes `NAMES`; `depth` grows
    away from the viewer (1 at the lower edge, `FAR` for the sky); `normals` point right, up and to the viewer
    (zero in the sky); `edges` is 1 where two segments or two faces meet.
    """

    masks: Bool[Tensor, "b 3 h w"]
    segments: Int[Tensor, "b h w"]
    depth: Float[Tensor, "b h w"]
    normals: Float[Tensor, "b 3 h w"]
    edges: Float[Tensor, "b h w"]


def truth(scenes: Sequence[Scene], size: int = FRAME, device: str | torch.device = "cpu") -> Truth:
    """The truth of every scene at the size of `render`'s pictures (styles do not change it)."""
    x, y = frame_grid(size, torch.device(device))
    owner, normals = _things(scenes, size, x)
    horizon = column([detail(scene).horizon for scene in scenes], x)
    below = (y > horizon).expand_as(owner)
    masks = torch.stack([owner == k for k in range(3)], 1)
    kinds = [[KINDS.index(t.kind) for t in (*s.things, *s.things[:1] * 3)][:3] for s in scenes]
    named = torch.tensor(kinds, device=x.device).gather(1, owner.clamp_min(0).flatten(1)).view_as(owner) + 2
    segments = torch.where(owner >= 0, named, below.long())
    up = torch.tensor((0.0, 0.97, 0.24), device=x.device).view(1, 3, 1, 1) * below.unsqueeze(1)
    normals = torch.where((owner >= 0).unsqueeze(1), normals, up)
    return Truth(
        masks, segments, _depth(scenes, owner, normals, y, horizon), normals, _edges(owner, segments, normals)
    )


def _things(scenes: Sequence[Scene], size: int, x: Tensor) -> tuple[Tensor, Tensor]:
    """Index of the thing seen in each pixel (-1 for none) and its normals."""
    things = patches(scenes, size, x.device)
    margin = things.cover.shape[-1]
    wide = size + 2 * margin
    owner = torch.full((len(scenes), wide, wide), -1, device=x.device)
    normals = torch.zeros(len(scenes), wide, wide, 3, device=x.device)
    for nth in range(int(things.nth.max()) + 1):
        chosen = (things.nth == nth).nonzero().squeeze(1)
        where, seen = window(things, chosen, margin), things.cover[chosen] > 0.5
        owner[where] = torch.where(seen, nth, owner[where])
        new = things.normal[chosen].permute(0, 2, 3, 1)
        normals[where] = torch.where(seen.unsqueeze(-1), new, normals[where])
    inside = slice(margin, margin + size)
    return owner[:, inside, inside], normals[:, inside, inside].permute(0, 3, 1, 2)


def _depth(scenes: Sequence[Scene], owner: Tensor, normals: Tensor, y: Tensor, horizon: Tensor) -> Tensor:
    def at(row: Tensor) -> Tensor:
        return ((FRAME - horizon) / (row - horizon).clamp_min(0.5)).clamp_max(FAR)

    depth = torch.where(y > horizon, at(y.expand_as(owner)), torch.full_like(y, FAR).expand_as(owner))
    for nth in range(3):
        row = column([(*s.things, *s.things[:1] * 3)[nth].row for s in scenes], y)
        half = column([(*s.things, *s.things[:1] * 3)[nth].half for s in scenes], y)
        bulge = normals[:, 2] * at(row) * half / FRAME
        depth = torch.where(owner == nth, at(row) - bulge, depth)
    return depth


def _edges(owner: Tensor, segments: Tensor, normals: Tensor) -> Tensor:
    edges = torch.zeros_like(normals[:, 0])
    for axis in (1, 2):
        fold = normals.diff(dim=axis + 1).square().sum(1) > 0.12
        meet = (segments.diff(dim=axis) != 0) | (owner.diff(dim=axis) != 0) | fold
        part = edges.narrow(axis, 0, meet.shape[axis])
        part.copy_(torch.maximum(part, meet.to(part.dtype)))
    return edges
