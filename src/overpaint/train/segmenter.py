"""Training the segmenter on pictures whose truth is exact: as drawn, and through the autoencoder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy

from overpaint.sides.segmenter import Segmenter, Surface, overlap
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene
from overpaint.stilllife.truth import NAMES, Truth, truth
from overpaint.train.data import Renders, held_out, pick, training_scene
from overpaint.train.judge import worn
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import mixed
from overpaint.train.optim import Rates

BATCH = 16
THINGS = 2
"""Names before the kinds of things: sky and ground."""
THING = 3.0
"""What pixels of things weigh more than those of sky and ground, which are many."""
BESIDE = 2.0
"""What depth and normals weigh beside names."""


def segmenter_stage(
    net: Segmenter,
    renders: Renders,
    echoes: Renders,
    steps: int,
    rates: Rates,
    *,
    through: Callable[[Tensor], Tensor],
    batch: int = BATCH,
    exam: int = 128,
) -> Stage:
    """Every pixel of half drawn pictures (`renders`), half pictures from the autoencoder (`echoes`)."""

    def data(step: int) -> Batch:
        drawn = pick(step, batch // 2, renders.count, seed=11)
        back = pick(step, batch - len(drawn), echoes.count, seed=12)
        known = truth([training_scene(k) for k in (*drawn, *back)], FRAME, renders.device)
        pixels = torch.cat([renders.pictures(drawn), echoes.pictures(back)])
        return {"pixels": pixels, "names": known.segments, "near": 1 / known.depth, "normals": known.normals}

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        with mixed(renders.device):
            found = net(worn(batch["pixels"], generator))
        return surface_loss(found, batch)

    scenes = held_out(exam, start=850_000)

    def measure() -> dict[str, float]:
        pictures = render(scenes, FRAME, renders.device)
        known = truth(scenes, FRAME, renders.device)
        back = segmenter_figures(net, scenes, known, through(pictures))
        drawn = segmenter_figures(net, scenes, known, pictures)
        return drawn | {f"vae_{name}": value for name, value in back.items()}

    return Stage("segmenter", {"segmenter": net}, data, loss, steps, rates, batch, measure, None, (net,))


def surface_loss(found: Surface, known: Batch) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy of names, absolute misses of nearness and normals; all mean over pixels."""
    weight = torch.where(known["names"] >= THINGS, THING, 1.0)
    weight = weight / weight.mean()
    parts = {
        "names": (cross_entropy(found.names.float(), known["names"], reduction="none") * weight).mean(),
        "near": ((found.near.float() - known["near"]).abs() * weight).mean(),
        "normals": ((found.normals.float() - known["normals"]).abs().mean(1) * weight).mean(),
    }
    whole = parts["names"] + BESIDE * (parts["near"] + parts["normals"])
    return whole, {name: value.detach() for name, value in parts.items()}


def segmenter_figures(
    net: Segmenter, scenes: Sequence[Scene], known: Truth, pictures: Float[Tensor, "b 3 h w"], chunk: int = 32
) -> dict[str, float]:
    """Overlap of every thing's mask, share of right pixels, and how far depth and normals are off."""
    found: dict[str, list[float]] = defaultdict(list)
    for start in range(0, len(scenes), chunk):
        part = slice(start, start + chunk)
        seen = net.read(pictures[part])
        segments, sure = seen.segments, known.segments[part]
        found["pixels"].append(float((segments == sure).float().mean()))
        found["near_off"].append(float((seen.near - 1 / known.depth[part]).abs().mean()))
        found["normals_off"].append(float((seen.normals - known.normals[part]).abs().mean()))
        for k, scene in enumerate(scenes[part]):
            for n, thing in enumerate(scene.things):
                own = segments[k] == NAMES.index(thing.kind)
                found["iou"].append(overlap(own, known.masks[start + k, n]))
    return {name: round(sum(values) / len(values), 4) for name, values in found.items()}
