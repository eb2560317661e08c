"""The autoencoder: crops of pictures, their objects weighted, then whole frames."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME, Scene
from overpaint.stilllife.truth import truth
from overpaint.train.data import Renders, boxes, held_out, pick, training_scene
from overpaint.train.loop import Batch, Stage, grid
from overpaint.train.nets import Size
from overpaint.train.optim import Rates

CROP = 64
STRIDE = 8
"""Crops start on a multiple of this, as latent cells and the pixel style's blocks do."""
ON_OBJECT = 0.75
"""Share of crops placed on an object."""
OBJECT_WEIGHT = 4.0
"""What pixels in an object's box weigh more than others."""
KL_WEIGHT = 3e-4
KNEE, FRAME_KNEE = 0.1, 0.02
"""Errors below the knee count squared, as the peak signal-to-noise ratio does. Whole frames get a low one:
where a latent leaves the style open, squares ask for a faint mixture of all, absolute errors for the likelier
one."""


def vae_stage(
    vae: AutoencoderKL,
    renders: Renders,
    size: Size,
    steps: int,
    *,
    frames: bool,
    rates: Rates,
    exam: int = 128,
) -> Stage:
    """Crops of 64 px, or whole frames with a quarter as many to a step."""
    count = max(1, size.crops // 4) if frames else size.crops
    part = FRAME if frames else CROP

    def batch(step: int) -> Batch:
        picked = pick(step, count, renders.count, seed=1 + frames)
        rng = torch.Generator().manual_seed(step)
        scenes = [training_scene(k) for k in picked]
        corners = [_corner(scene, part, rng) for scene in scenes]
        return {
            "pixels": _cut(renders.pictures(picked), corners, part),
            "weight": 1
            + OBJECT_WEIGHT * _cut(boxes(scenes, FRAME).unsqueeze(1).to(renders.device), corners, part),
        }

    def loss(batch: Batch, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        knee = FRAME_KNEE if frames else KNEE
        return vae_loss(vae, batch["pixels"] * 2 - 1, batch["weight"], generator, knee)

    scenes = held_out(exam)

    def measure() -> dict[str, float]:
        return vae_figures(vae, scenes, renders.device)

    def sheet() -> Tensor:
        pictures = render(scenes[:16], FRAME, renders.device)
        back = reconstruct(vae, pictures)
        return grid(torch.cat([pictures[:8], back[:8], pictures[8:], back[8:]]))

    name = "decoder" if frames else "vae"
    modules = (vae.encoder, vae.decoder)
    return Stage(name, {"vae": vae}, batch, loss, steps, rates, count, measure, sheet, modules)


def vae_loss(
    vae: AutoencoderKL,
    x: Float[Tensor, "b 3 h w"],
    weight: Float[Tensor, "b 1 h w"],
    generator: torch.Generator,
    knee: float = KNEE,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Huber loss of pixels in [-1, 1] and half that of their gradients, weighted; and a little KL."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=x.is_cuda):
        parts: Any = vae
        mean, spread = parts.quant_conv(parts.encoder(x)).float().chunk(2, 1)
        spread = spread.clamp(-30, 20)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        y: Tensor = parts.decoder(parts.post_quant_conv(mean + (0.5 * spread).exp() * noise)).float()
    kl = 0.5 * (mean.square() + spread.exp() - 1 - spread).mean()
    pixels = _weighted(y, x, weight, knee)
    slopes = _weighted(y.diff(dim=2), x.diff(dim=2), weight[:, :, 1:], knee) + _weighted(
        y.diff(dim=3), x.diff(dim=3), weight[..., 1:], knee
    )
    return pixels + 0.5 * slopes + KL_WEIGHT * kl, {"pixels": pixels.detach(), "kl": kl.detach()}


def _weighted(y: Tensor, x: Tensor, weight: Tensor, knee: float) -> Tensor:
    return (smooth_l1_loss(y, x, reduction="none", beta=knee) * weight).sum() / (3 * weight.sum())


def _corner(scene: Scene, part: int, rng: torch.Generator) -> tuple[int, int]:
    """Top left of a crop, on the grid; usually so that a thing lies well inside."""
    chance, which, a, b = (float(value) for value in torch.rand(4, generator=rng))
    room = (FRAME - part) / STRIDE
    down, across = round(b * room), round(a * room)
    if chance < ON_OBJECT:
        thing = scene.things[int(which * len(scene.things))]
        across = round((thing.x - part / 2 + (a - 0.5) * part / 2) / STRIDE)
        down = round((thing.row - thing.half - part / 2 + (b - 0.5) * part / 2) / STRIDE)
    return _inside(down, room), _inside(across, room)


def _inside(cell: int, room: float) -> int:
    return STRIDE * max(0, min(int(room), cell))


def _cut(x: Tensor, corners: list[tuple[int, int]], part: int) -> Tensor:
    return torch.stack(
        [p[:, top : top + part, left : left + part] for p, (top, left) in zip(x, corners, strict=True)]
    )


@torch.no_grad()
def reconstruct(
    vae: AutoencoderKL, pictures: Float[Tensor, "b 3 h w"], chunk: int = 8
) -> Float[Tensor, "b 3 h w"]:
    """Pictures in [0, 1] through the mode of their latents and back."""
    return torch.cat([decoded(vae, encoded(vae, x)[0]) for x in _chunks(pictures, chunk)])


@torch.no_grad()
def encoded(vae: AutoencoderKL, pictures: Float[Tensor, "b 3 h w"]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the (unscaled) latents of pictures in [0, 1]."""
    coder: Any = vae
    spread = coder.encode(pictures * 2 - 1).latent_dist
    return spread.mean.float(), spread.std.float()


@torch.no_grad()
def decoded(vae: AutoencoderKL, latents: Float[Tensor, "b 4 16 16"]) -> Float[Tensor, "b 3 h w"]:
    """Pictures in [0, 1] of unscaled latents."""
    coder: Any = vae
    return ((coder.decode(latents).sample.float() + 1) / 2).clamp(0, 1)


def _chunks(x: Tensor, size: int) -> list[Tensor]:
    return [x[k : k + size] for k in range(0, len(x), size)]


def psnr(a: Tensor, b: Tensor, where: Tensor | None = None) -> Tensor:
    """Peak signal-to-noise ratio of every picture in dB, over the frame or where a mask "b h w" is true."""
    error = (a - b).square().mean(1)
    mse = (
        error.mean((1, 2)) if where is None else (error * where).sum((1, 2)) / where.sum((1, 2)).clamp_min(1)
    )
    return -10 * mse.clamp_min(1e-10).log10()


def vae_figures(vae: AutoencoderKL, scenes: list[Scene], device: torch.device) -> dict[str, float]:
    """PSNR over the frame and inside object masks, means over pictures; and how the latents spread."""
    pictures = render(scenes, FRAME, device)
    back = reconstruct(vae, pictures)
    masks = truth(scenes, FRAME, device).masks.any(1)
    latents = encoded(vae, pictures[:64])[0]
    return {
        "frame_db": round(float(psnr(pictures, back).mean()), 2),
        "mask_db": round(float(psnr(pictures, back, masks).mean()), 2),
        "latent_std": round(float(latents.std()), 3),
        "channel_std_ratio": round(float(latents.std((0, 2, 3)).max() / latents.std((0, 2, 3)).min()), 2),
    }
