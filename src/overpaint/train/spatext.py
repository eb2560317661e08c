"""The denoiser that is told regions: tuned from the denoiser, it reads a map of vectors beside its latent.

Avrahami et al., "SpaText: Spatio-Textual Representation for Controllable Image Generation", CVPR 2023,
arXiv:2211.14305, section 3.3: some of the things in a picture are painted into the map as CLIP sees them on
black; sentence and map are each left out now and then, and sometimes both. What is trained is the difference
alone, in the form in which it is stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from jaxtyping import Bool, Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModel

from overpaint.families.widen import widen
from overpaint.stilllife.captions import around
from overpaint.train.data import pick, token_batch, training_scene
from overpaint.train.inpaint import Difference
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import Prediction, make_schedule
from overpaint.train.optim import Rates
from overpaint.train.unet import OBJECT_WEIGHT, SENTENCES, Latents, level_weight, levels

RANK = 9
NO_TEXT, NO_MAP, NEITHER = 0.10, 0.10, 0.05
"""Shares of samples without the sentence, without the map, and without both."""
BARE = 0.3
"""Share of sentences that speak of the surroundings alone, so that things are told by regions."""
BOXED = 0.3
"""Share of regions that are painted as the box around the thing."""
KINDS = 2
"""Sentences about surroundings that are kept for every picture."""


@dataclass(frozen=True)
class Vectors:
    """What CLIP sees in the things of pictures, each on black: unit vectors; and which there are."""

    vectors: Float[Tensor, "n 3 d"]
    seen: Bool[Tensor, "n 3"]

    def to(self, device: torch.device) -> Vectors:
        """The same on another device."""
        return Vectors(self.vectors.to(device), self.seen.to(device))

    def save(self, file: Path) -> None:
        """Keep them in one file."""
        save_file({"vectors": self.vectors, "seen": self.seen}, file)

    @classmethod
    def load(cls, file: Path) -> Vectors:
        """Read what `save` wrote."""
        return cls(**load_file(file))


def told(unet: UNet2DConditionModel, features: int) -> UNet2DConditionModel:
    """A copy of the denoiser that reads a map of vectors, which changes nothing yet."""
    net = deepcopy(unet)
    widen(net, features)
    return net.requires_grad_(False)


def regions(
    places: Float[Tensor, "b 3 h w"], least: Float[Tensor, "b 3"], boxed: Bool[Tensor, "b 3"]
) -> Bool[Tensor, "b 3 h w"]:
    """Which cells are painted of each thing: those it covers by more than a share, or the box around them."""
    inside = places > least[..., None, None]
    rows, columns = inside.any(3), inside.any(2)
    tall, wide = (one.cummax(2).values & one.flip(2).cummax(2).values.flip(2) for one in (rows, columns))
    box = tall.unsqueeze(3) & wide.unsqueeze(2)
    return torch.where(boxed[..., None, None], box, inside)


def maps(
    masks: Bool[Tensor, "b 3 h w"], vectors: Float[Tensor, "b 3 d"], chosen: Bool[Tensor, "b 3"]
) -> Float[Tensor, "b d h w"]:
    """The chosen things painted, the later over the earlier; vectors of unit spread, zeros elsewhere."""
    features = vectors.shape[2]
    found = vectors.new_zeros(len(vectors), features, *masks.shape[2:])
    for k in range(masks.shape[1]):
        on = (masks[:, k] & chosen[:, k, None, None]).unsqueeze(1)
        found = torch.where(on, vectors[:, k, :, None, None] * features**0.5, found)
    return found


def spatext_stage(
    difference: Difference,
    tower: CLIPTextModel,
    data: Latents,
    known: Vectors,
    batch_size: int,
    steps: int,
    rates: Rates,
    *,
    prediction: Prediction = "v_prediction",
    measure: Callable[[], Mapping[str, float]] | None = None,
    sheet: Callable[[], Tensor] | None = None,
) -> Stage:
    """The denoiser's loss, with maps beside the latents."""
    device = data.mean.device
    alpha_bar = make_schedule(prediction).alphas_cumprod.to(device)
    count = min(len(data.mean), len(known.vectors))
    empty, alone = token_batch([""]).to(device), bare(count).to(device)
    tower.requires_grad_(False).eval()

    def batch(step: int) -> Batch:
        rows = torch.tensor(pick(step, batch_size, count, seed=7), device=device)
        rng = torch.Generator(device).manual_seed(step)

        def chance(*shape: int) -> Tensor:
            return torch.rand(batch_size, *shape, generator=rng, device=device)

        said = torch.randint(0, SENTENCES, (batch_size,), generator=rng, device=device)
        full, aside = data.tokens[rows, said].long(), alone[rows, said % KINDS].long()
        dropped = chance(1)
        no_text = (dropped < NO_TEXT) | (dropped >= 1 - NEITHER)
        no_map = (dropped >= NO_TEXT) & (dropped < NO_TEXT + NO_MAP) | (dropped >= 1 - NEITHER)
        masks = regions(data.places[rows].float(), 0.2 + 0.6 * chance(3), chance(3) < BOXED)
        vectors, seen = known.vectors[rows].float(), known.seen[rows]
        cells = data.box[rows].float() * (OBJECT_WEIGHT if step < (1 - rates.cooldown) * steps else 0.0)
        mean = data.mean[rows].float()
        return {
            "mean": mean,
            "std": data.std[rows].float(),
            "tokens": torch.where(no_text, empty, torch.where(chance(1) < BARE, aside, full)),
            "map": maps(masks, vectors, some(seen, chance(3)) & ~no_map),
            "weight": (1 + cells) / (1 + cells.mean()),
            "level": levels(chance()),
            "noise": torch.randn((batch_size, 2, *mean.shape[1:]), generator=rng, device=device),
        }

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator
        t, noise = batch["level"], batch["noise"].unbind(1)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            states = tower(input_ids=batch["tokens"]).last_hidden_state
        x0 = (batch["mean"] + batch["std"] * noise[0]) * data.scale
        at = alpha_bar[t].view(-1, 1, 1, 1)
        x = at.sqrt() * x0 + (1 - at).sqrt() * noise[1]
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            out = difference(torch.cat([x, batch["map"]], 1), t, states.float()).float()
        wanted = noise[1] if prediction == "epsilon" else at.sqrt() * noise[1] - (1 - at).sqrt() * x0
        error = (out - wanted).square().mean(1) * batch["weight"]
        each = error.mean((1, 2))
        whole = (each * level_weight(alpha_bar[t], prediction)).mean()
        return whole, {"plain": each.detach().mean()}

    nets = {"difference": difference}
    return Stage("spatext", nets, batch, loss, steps, rates, batch_size, measure, sheet, shared=True)


def some(seen: Bool[Tensor, "b 3"], chance: Float[Tensor, "b 3"]) -> Bool[Tensor, "b 3"]:
    """From one to all of the things that are seen: the likeliest ones, their number drawn evenly."""
    there = seen.sum(1, keepdim=True)
    wanted = (chance[:, :1] * 997 % 1 * there).long() + 1
    order = torch.where(seen, chance, torch.full_like(chance, -1.0)).argsort(1, descending=True).argsort(1)
    return seen & (order < wanted)


def bare(count: int) -> Int[Tensor, "n k tokens"]:
    """Tokens of sentences about the surroundings alone."""
    texts = [around(training_scene(k), k * KINDS + n) for k in range(count) for n in range(KINDS)]
    return token_batch(texts).view(count, KINDS, -1).short()
