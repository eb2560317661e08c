"""Words that look at their thing: a second loss of the denoiser, on the maps of its cross-attention.

A denoiser learns colours and materials from the noun, whose text state has read the words before it. The
maps of the words themselves then point anywhere, and edits that rely on them act anywhere. As the place of
every thing is known here, a word that states something of a thing is also asked to be looked at from there:
the token loss of Wang et al., "TokenCompose: Text-to-Image Diffusion with Token-level Supervision", CVPR
2024, arXiv:2312.03626, equation 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from overpaint.attention import Control, Maps, Moment, Site
from overpaint.stilllife.captions import Caption
from overpaint.stilllife.scene import FRAME, Scene
from overpaint.stilllife.tokenizer import MAX_LENGTH
from overpaint.stilllife.truth import truth

NOTHING = -1
"""The thing of a token that speaks of none."""
COARSEST = 2
"""Layers are asked whose cells cover at most so many of the latent's along a side."""


def spoken_of(caption: Caption) -> list[int]:
    """For every token of a sentence the thing it states something of, counted from the left."""
    things = [
        NOTHING if role is None or role.attribute == "relation" else role.thing for role in caption.words
    ]
    return [NOTHING, *things, *([NOTHING] * (MAX_LENGTH - 1 - len(things)))]


def places_of(scenes: Sequence[Scene], size: int, device: torch.device) -> Float[Tensor, "b 3 size size"]:
    """How much of each cell every thing covers."""
    return adaptive_avg_pool2d(truth(scenes, FRAME, device).masks.float(), size)


class Looks(Control):
    """Holds the maps of one network call, with their gradients."""

    needs_probs = True

    def __init__(self) -> None:
        self.maps: list[Float[Tensor, "b height width tokens"]] = []

    def where(self, site: Site) -> bool:
        """The finer cross-attention layers."""
        return site.kind == "cross" and site.stride <= COARSEST

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """Mean over heads; the maps go on unchanged."""
        self.maps.append(p.mean(1).unflatten(1, at.canvas(site)))
        return p


def astray(
    maps: Iterable[Float[Tensor, "b _ _ tokens"]],
    places: Float[Tensor, "b 3 _ _"],
    things: Int[Tensor, "b tokens"],
) -> Float[Tensor, " b"]:
    """Mean over a sentence's words of (1 - the share of their attention that lies on their thing)²."""
    said = things >= 0
    weight = said.float() / said.sum(1, keepdim=True).clamp_min(1)
    pick = things.clamp_min(0).long()
    total, count = torch.zeros(len(things), device=things.device), 0
    for one in maps:
        own = adaptive_avg_pool2d(places, (one.shape[1], one.shape[2]))
        inside = (own >= own.amax((2, 3), keepdim=True) / 2).float().flatten(2)  # a ring fills no cell
        chosen = inside.gather(1, pick.unsqueeze(2).expand(-1, -1, inside.shape[2])).mT
        flat = one.flatten(1, 2)
        share = (flat * chosen).sum(1) / flat.sum(1).clamp_min(torch.finfo(flat.dtype).tiny)
        total = total + ((1 - share).square() * weight).sum(1)
        count += 1
    return total / max(1, count)
