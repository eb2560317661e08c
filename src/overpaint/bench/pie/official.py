"""The figures of PIE-Bench as its published evaluation computes them, its peculiarities among them.

Outside the mask both pictures are multiplied by one minus the mask, and the ordinary mean over the whole
frame is taken, so that a large mask makes figures better. SSIM is averaged where its window lies inside the
frame, as torchmetrics did before 1.4.2. The structure distance shows DINO pixels from 0 to 255, as that code
does. Identical pictures have no PSNR that could be averaged; a mask that covers everything leaves no figures
outside.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, normalize

from overpaint.bench.case import Figures, Pictures, Region
from overpaint.bench.measuring import EQUAL, WINDOW, metrics, ssim_map
from overpaint.images import Picture, blended

Pixels8 = UInt8[NDArray[np.uint8], "h w 3"]
Part = Literal["", "unedit", "edit"]
Keys = Callable[[Float[Tensor, "1 3 a b"]], Float[Tensor, "tokens width"]]
"""The keys of all tokens in the last layer of a vision transformer, the class token's among them."""
Agree = Callable[[Pixels8, str], float]
"""100 times the cosine of a picture and a sentence, or 0."""
Apart = Callable[[Float[Tensor, "1 3 h w"], Float[Tensor, "1 3 h w"]], float]
"""A perceptual distance of two pictures in [-1, 1]."""
SIDE, LONGEST = 224, 480
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SCALES: Mapping[str, float] = {"structure": 1000, "lpips": 1000, "mse": 10_000, "ssim": 100}
"""By what the published table multiplies."""
SMALLEST = 1e-8


@dataclass(frozen=True)
class Yardsticks:
    """The networks that measure; one that is not here leaves its column empty."""

    keys: Keys | None = None
    agree: Agree | None = None
    apart: Apart | None = None
    missing: tuple[str, ...] = field(default=())
    """Which are missing, a sentence each."""
    marks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Those that are here, with a hash of each."""


def figures(
    pictures: Pictures, edit: Picture, source_prompt: str, target_prompt: str, by: Yardsticks
) -> Figures:
    """All figures of an edit, in the units of the published table."""
    source, made, region = pictures.source.rgb, edit.rgb, pictures.region
    found: dict[str, float] = {}
    if by.keys is not None:
        found["structure"] = structure_distance(source, made, by.keys)
    if by.agree is not None:
        found["clip_source"] = by.agree(source, source_prompt)
        found["clip"] = by.agree(made, target_prompt)
        if region is not None and region.any():
            found["clip_edited"] = by.agree(inside(made, region), target_prompt)
    if region is not None and not region.all():
        pasted = blended(source, made, np.where(region, 255, 0).astype(np.uint8))
        found |= outside(source, made, region, by)
        found |= {f"{name}_pasted": value for name, value in outside(source, pasted, region, by).items()}
        found.setdefault("psnr_pasted", EQUAL)
    return {f"pie_{name}": SCALES.get(name.removesuffix("_pasted"), 1) * v for name, v in found.items()}


def outside(source: Pixels8, edit: Pixels8, region: Region, by: Yardsticks) -> dict[str, float]:
    """The figures outside the mask; no PSNR where nothing differs there."""
    named = {name: value(source, edit, region, "unedit") for name, value in PLAIN.items()}
    found = {name: one for name, one in named.items() if one is not None}
    if by.apart is not None:
        one, other = (part(pixels, region, "unedit") * 2 - 1 for pixels in (source, edit))
        found["lpips"] = by.apart(one, other)
    return found


def part(pixels: Pixels8, region: Region, which: Part) -> Float[Tensor, "1 3 h w"]:
    """A picture in [0, 1], black outside a part of it."""
    whole = torch.tensor(pixels).permute(2, 0, 1)[None].float() / 255
    if not which:
        return whole
    keep = torch.tensor(region if which == "edit" else ~region)
    return whole * keep


def inside(pixels: Pixels8, region: Region) -> Pixels8:
    """The edited part, black around it."""
    return (pixels * region[..., None]).astype(np.uint8)


def psnr(source: Pixels8, edit: Pixels8, region: Region, which: Part = "") -> float | None:
    """Decibels; nothing where both are the same."""
    one, other = part(source, region, which), part(edit, region, which)
    if torch.equal(one, other):
        return None
    return float(metrics().image.peak_signal_noise_ratio(other, one, data_range=1.0))


def mse(source: Pixels8, edit: Pixels8, region: Region, which: Part = "") -> float:
    """The mean squared error."""
    one, other = part(source, region, which), part(edit, region, which)
    return float(metrics().mean_squared_error(other.contiguous(), one.contiguous()))


def ssim(source: Pixels8, edit: Pixels8, region: Region, which: Part = "") -> float:
    """Structural similarity where the window lies inside the frame."""
    found, edge = ssim_map(part(edit, region, which), part(source, region, which)), WINDOW // 2
    return float(found[..., edge:-edge, edge:-edge].mean())


PLAIN: Mapping[str, Callable[[Pixels8, Pixels8, Region, Part], float | None]] = {
    "psnr": psnr,
    "mse": mse,
    "ssim": ssim,
}


def structure_distance(source: Pixels8, edit: Pixels8, keys: Keys, antialias: bool = True) -> float:
    """How far the layouts are apart: squared differences of all cosines between keys.

    ``antialias`` is how the resizing of current torchvision differs from that of old releases.
    """
    with torch.no_grad():
        maps = [likeness(keys(prepared(pixels, antialias))) for pixels in (source, edit)]
    return float((maps[0] - maps[1]).square().mean())


def prepared(pixels: Pixels8, antialias: bool = True) -> Float[Tensor, "1 3 a b"]:
    """A picture as that evaluation shows it to DINO: from 0 to 255, then shifted and scaled as if to 1."""
    frame = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    height, width = frame.shape[-2:]
    short, long = SIDE, int(SIDE * max(height, width) / min(height, width))
    if long > LONGEST:
        short, long = int(LONGEST * short / long), LONGEST
    size = (short, long) if height <= width else (long, short)
    if size != (height, width):
        frame = interpolate(frame, size, mode="bilinear", antialias=antialias)
    mean, spread = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, SPREAD))
    return (frame - mean) / spread


def likeness(keys: Float[Tensor, "tokens width"]) -> Float[Tensor, "tokens tokens"]:
    """The cosine of every token with every token."""
    unit = normalize(keys, dim=-1, eps=SMALLEST)
    return unit @ unit.T
