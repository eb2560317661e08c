"""A picture in memory, and its two other forms: a tensor for the networks, a Pillow image for files."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

RGB = UInt8[NDArray[np.uint8], "h w 3"]
Alpha = UInt8[NDArray[np.uint8], "h w"]


@dataclass(frozen=True)
class Info:
    """What a file said about its picture beyond the pixels.

    `text` holds the text chunks of a PNG, `icc` the colour profile where it still fits the pixels.
    """

    format: str = ""
    text: Mapping[str, str] = field(default_factory=dict[str, str])
    icc: bytes | None = None


@dataclass(frozen=True, eq=False)
class Picture:
    """Colours and, apart from them, transparency; upright, eight bits a channel."""

    rgb: RGB
    alpha: Alpha | None = None
    info: Info = field(default_factory=Info)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        height, width = self.rgb.shape[:2]
        return height, width


def to_tensor(picture: Picture) -> Float[Tensor, "1 3 h w"]:
    """The colours in [-1, 1], float32; transparency is left out."""
    return torch.tensor(picture.rgb).permute(2, 0, 1)[None].float() / 127.5 - 1


def from_tensor(pixels: Float[Tensor, "1 3 h w"]) -> Picture:
    """The inverse of `to_tensor`: exact for its results, clipped and rounded for anything else."""
    levels = ((pixels[0].detach().cpu().float() + 1) * 127.5).round().clamp(0, 255)
    return Picture(levels.permute(1, 2, 0).to(torch.uint8).contiguous().numpy())


def to_pil(picture: Picture) -> Image.Image:
    """A Pillow image in mode RGB, or RGBA where the picture has transparency."""
    image = Image.fromarray(picture.rgb)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    return image


def from_pil(image: Image.Image) -> Picture:
    """A picture from an image of Pillow, made opaque RGB."""
    return Picture(np.array(image.convert("RGB")))


def pixels_hash(picture: Picture) -> str:
    """SHA-256 of size, colours and transparency; a fully opaque alpha channel counts as none."""
    digest = hashlib.sha256(repr(picture.size).encode())
    digest.update(picture.rgb.tobytes())
    if picture.alpha is not None and picture.alpha.min() < 255:
        digest.update(picture.alpha.tobytes())
    return digest.hexdigest()
