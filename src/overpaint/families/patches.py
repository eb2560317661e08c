"""Inside the image tower of CLIP: pictures that are no squares, what single patches say, and what a sentence
is said to be about.
"""

from math import isqrt
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity, interpolate

Toned = Float[Tensor, "rows 3 height width"]
"""Pictures in the units of the tower, their sides multiples of its patches."""
States = Float[Tensor, "rows tokens inner"]
"""The picture as a whole, then patch by patch, row by row from the top left."""
SCALE = 100.0
"""What CLIP multiplies a cosine by."""


def entered(tower: Any, pictures: Toned, sideways: bool = False) -> States:
    """What the first block is given; for other sides than the usual the grid of places is interpolated.

    ``sideways`` lays that grid on its side, columns for rows, as the published code of Text2LIVE does: in a
    picture that is no square every patch is then told another place than its own.
    """
    own = tower.embeddings
    patches = own.patch_embedding(pictures)
    rows, columns = patches.shape[-2:]
    places = own.position_embedding.weight
    grid = places[1:].T.unflatten(1, (isqrt(len(places) - 1),) * 2)[None]
    if tuple(grid.shape[-2:]) != (rows, columns):
        size = (columns, rows) if sideways else (rows, columns)
        grid = interpolate(grid, size, mode="bicubic", align_corners=False)
    whole = own.class_embedding.expand(len(pictures), 1, -1) + places[:1]
    return tower.pre_layrnorm(torch.cat([whole, patches.flatten(2).mT + grid.flatten(2).mT], 1))


def walked(tower: Any, states: States) -> tuple[States, States]:
    """What the last block but one gives, and what the last one gives."""
    before = states
    for block in tower.encoder.layers:
        before, states = states, block(states, None)
    return before, states


def relevancy(
    vision: Any, pictures: Toned, wish: Float[Tensor, "1 features"], blocks: int = 1, sideways: bool = False
) -> Float[Tensor, "rows down across"]:
    """How much each patch has to do with a sentence, on the grid of the patches.

    Attention maps, weighed by how the agreement of picture and sentence depends on them, are carried from
    the first of the last ``blocks`` blocks to the end: ``R <- R + mean over heads of max(0, dA A) R``.
    Chefer et al., "Generic Attention-model Explainability", ICCV 2021, arXiv:2103.15679, equations 5 and 6.
    """
    tower = vision.vision_model
    layers = list(tower.encoder.layers)
    with torch.enable_grad():
        states, maps = entered(tower, pictures.detach(), sideways), list[Tensor]()
        for block in layers[: len(layers) - blocks]:
            states = block(states, None)
        for block in layers[len(layers) - blocks :]:
            states, seen = _opened(block, states)
            maps.append(seen)
        seen = vision.visual_projection(tower.post_layernorm(states[:, 0]))
        agreement = SCALE * cosine_similarity(seen, wish, dim=-1).sum()
        grads = torch.autograd.grad(agreement, maps)
    found = torch.eye(states.shape[1], device=states.device).expand(len(pictures), -1, -1)
    for one, grad in zip(maps, grads, strict=True):
        found = found + (grad * one.detach()).clamp(min=0).mean(1) @ found
    patch = tower.embeddings.patch_size
    grid = (pictures.shape[-2] // patch, pictures.shape[-1] // patch)
    return found[:, 0, 1:].unflatten(1, grid)


def _opened(block: Any, states: States) -> tuple[States, Float[Tensor, "rows heads tokens tokens"]]:
    """A block taken apart: what it gives, and the attention maps it makes, open to gradients."""
    own = block.self_attn
    normed = block.layer_norm1(states)
    queries, keys, values = (
        cast(Tensor, of(normed)).unflatten(-1, (own.num_heads, -1)).transpose(1, 2)
        for of in (own.q_proj, own.k_proj, own.v_proj)
    )
    maps = (queries @ keys.mT * own.scale).softmax(-1)
    if not maps.requires_grad:  # nothing before it learns
        maps.requires_grad_()
    states = states + own.out_proj((maps @ values).transpose(1, 2).flatten(2))
    return states + block.mlp(block.layer_norm2(states)), maps
