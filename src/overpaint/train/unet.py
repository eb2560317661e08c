"""The denoiser: latents and sentences kept on disk, noise and prediction as in Stable Diffusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from jaxtyping import Float, Int
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModel

from overpaint.attention import Moment, Tap
from overpaint.families.sites import sites_of
from overpaint.files.weightfile import read_header
from overpaint.stilllife.captions import caption
from overpaint.train.data import Renders, boxes, pick, token_batch, training_scene
from overpaint.train.grounding import NOTHING, Looks, astray, places_of, spoken_of
from overpaint.train.loop import Batch, Stage
from overpaint.train.nets import LATENT, Prediction, make_schedule
from overpaint.train.optim import Rates
from overpaint.train.vae import encoded

DROPPED = 0.1
"""Share of sentences replaced by the empty one, for classifier-free guidance."""
SENTENCES = 8
"""Sentences kept for every picture."""
GAMMA = 5.0
FLOOR = 0.3
"""Added to min(SNR, gamma): the noisiest levels, where 16x16 latents are laid out, keep some weight."""
OBJECT_WEIGHT = 2.0
"""What cells of objects weigh more than others until the rate falls; even weights end the training."""
GROUNDING = 0.1
"""What attention that strays from the thing its word speaks of weighs beside the error of the prediction."""
EASY = 0.1
"""Share of the steps at the start in which pictures of three things are left out."""


TENSORS = ("mean", "std", "tokens", "box", "things", "places", "spoken")


@dataclass(frozen=True)
class Latents:
    """Latents of the training pictures, their means and deviations in half precision, and sentences."""

    mean: Float[Tensor, "n 4 16 16"]
    std: Float[Tensor, "n 4 16 16"]
    tokens: Int[Tensor, "n k tokens"]
    box: Float[Tensor, "n 16 16"]
    things: Int[Tensor, " n"]
    places: Float[Tensor, "n 3 16 16"]
    """How much of each cell every thing covers."""
    spoken: Int[Tensor, "n k tokens"]
    """Which thing each token speaks of."""
    scale: float
    """1 / standard deviation of sampled latents."""

    def to(self, device: torch.device) -> Latents:
        """The same on another device."""
        return Latents(**{name: getattr(self, name).to(device) for name in TENSORS}, scale=self.scale)

    def save(self, file: Path) -> None:
        """Keep them in one file."""
        tensors = {name: getattr(self, name) for name in TENSORS}
        save_file(tensors | {"scale": torch.tensor(self.scale)}, file)

    @staticmethod
    def count(file: Path) -> int:
        """How many pictures a file holds; none where there is none."""
        return read_header(file).shape("things")[0] if file.is_file() else 0

    @classmethod
    def load(cls, file: Path) -> Latents:
        """Read what `save` wrote."""
        data = load_file(file)
        return cls(**{**data, "scale": float(data["scale"])})  # pyright: ignore[reportArgumentType]


@torch.no_grad()
def encode_all(vae: AutoencoderKL, renders: Renders, first: int, count: int, chunk: int = 16) -> Latents:
    """Latents and sentences of the training pictures `first` … `first + count - 1`."""
    means, stds, tokens, box, things, places, spoken = [], [], [], [], [], [], []
    for start in range(first, first + count, chunk):
        picked = range(start, min(start + chunk, first + count))
        mean, std = encoded(vae, renders.pictures(list(picked)))
        means.append(mean.half().cpu())
        stds.append(std.half().cpu())
        scenes = [training_scene(k) for k in picked]
        box.append(boxes(scenes, LATENT).half())
        things.append(torch.tensor([len(scene.things) for scene in scenes], dtype=torch.int16))
        places.append(places_of(scenes, LATENT, renders.device).half().cpu())
        said = [
            [caption(s, k * SENTENCES + n) for n in range(SENTENCES)]
            for k, s in zip(picked, scenes, strict=True)
        ]
        tokens.append(torch.stack([token_batch([c.text for c in some]) for some in said]).short())
        spoken.append(torch.tensor([[spoken_of(c) for c in some] for some in said], dtype=torch.int8))
    lists = (means, stds, tokens, box, things, places, spoken)
    tensors = dict(zip(TENSORS, (torch.cat(parts) for parts in lists), strict=True))
    every = tensors["mean"].float().var() + tensors["std"].float().square().mean()
    return Latents(**tensors, scale=float(every.rsqrt()))


def unet_stage(
    unet: UNet2DConditionModel,
    tower: CLIPTextModel,
    data: Latents,
    batch_size: int,
    steps: int,
    rates: Rates,
    *,
    prediction: Prediction = "v_prediction",
) -> Stage:
    """Noise prediction or v-prediction under a frozen text tower, and words that look at their thing."""
    device = next(unet.parameters()).device
    alpha_bar = make_schedule(prediction).alphas_cumprod.to(device)
    empty = token_batch([""]).to(device)
    tap = Tap(sites_of(unet))
    few = (data.things < 3).nonzero().squeeze(1).tolist()
    tower.requires_grad_(False).eval()

    def batch(step: int) -> Batch:
        easy = step < EASY * steps
        picked = pick(step, batch_size, len(few) if easy else len(data.things), seed=2 + easy)
        rows = torch.tensor([few[k] for k in picked] if easy else picked, device=data.mean.device)
        rng = torch.Generator(device).manual_seed(step)
        said = torch.randint(0, SENTENCES, (batch_size,), generator=rng, device=device)
        dropped = torch.rand(batch_size, 1, generator=rng, device=device) < DROPPED
        cells = data.box[rows].float() * (OBJECT_WEIGHT if step < (1 - rates.cooldown) * steps else 0.0)
        mean = data.mean[rows].float()
        return {
            "mean": mean,
            "std": data.std[rows].float(),
            "tokens": torch.where(dropped, empty, data.tokens[rows, said].long()),
            "spoken": torch.where(dropped, NOTHING, data.spoken[rows, said]),
            "places": data.places[rows].float(),
            "weight": (1 + cells) / (1 + cells.mean()),
            "level": levels(torch.rand(batch_size, generator=rng, device=device)),
            "noise": torch.randn((batch_size, 2, *mean.shape[1:]), generator=rng, device=device),
        }

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        del generator  # everything is drawn with the batch, so that several processes can share it
        t, noise = batch["level"], batch["noise"].unbind(1)
        with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            states = tower(input_ids=batch["tokens"]).last_hidden_state
        x0 = (batch["mean"] + batch["std"] * noise[0]) * data.scale
        at = alpha_bar[t].view(-1, 1, 1, 1)
        x = at.sqrt() * x0 + (1 - at).sqrt() * noise[1]
        looks, rows = Looks(), tuple(f"{k}+" for k in range(len(t)))
        with tap.control(looks), tap.call(Moment(rows=rows, height=x.shape[2], width=x.shape[3])):
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                out = unet(x, t, states.float()).sample.float()
        wanted = noise[1] if prediction == "epsilon" else at.sqrt() * noise[1] - (1 - at).sqrt() * x0
        error = (out - wanted).square() * batch["weight"].unsqueeze(1)
        each = error.mean((1, 2, 3))
        # In pure noise nothing has a place yet.
        stray = astray(looks.maps, batch["places"], batch["spoken"]) * alpha_bar[t].sqrt()
        whole = each * level_weight(alpha_bar[t], prediction) + GROUNDING * stray
        return whole.mean(), {"plain": each.detach().mean(), "astray": stray.detach().mean()}

    return Stage("unet", {"unet": unet}, batch, loss, steps, rates, batch_size, compiled=(unet,), shared=True)


def levels(chance: Float[Tensor, " n"]) -> Int[Tensor, " n"]:
    """One level from every n-th part of the thousand, so that no batch misses a region."""
    n = len(chance)
    return ((torch.arange(n, device=chance.device) + chance) * (1000 / n)).long().clamp_max(999)


def level_weight(alpha_bar: Tensor, prediction: Prediction) -> Tensor:
    """Min-SNR weight of a level (Hang et al. 2023, arXiv 2303.09556), with a floor under the noisy end."""
    snr = alpha_bar / (1 - alpha_bar)
    return (snr.clamp_max(GAMMA) + FLOOR) / (snr if prediction == "epsilon" else snr + 1)


def one_file(parts: Sequence[Latents]) -> Latents:
    """Parts made one after another as one; the scale is that of the first, so that more data move nothing."""
    joined = {name: torch.cat([getattr(part, name) for part in parts]) for name in TENSORS}
    return Latents(**joined, scale=parts[0].scale)
