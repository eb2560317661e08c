"""A picture in memory, and its form as an image of Pillow."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from jaxtyping import UInt8
from numpy.typing import NDArray
from PIL import Image, ImageColor

RGB = UInt8[NDArray[np.uint8], "h w 3"]
Alpha = UInt8[NDArray[np.uint8], "h w"]


@dataclass(frozen=True)
class Info:
    """What a file said about its picture beyond the pixels.

    `text` holds texts by name (chunks of a PNG, the comment of a JPEG or WebP), `icc` the colour profile
    where it still fits the pixels, `credit` the author and the copyright notice, `notes` a sentence for each
    thing in the file that was left out or guessed.
    """

    format: str = ""
    text: Mapping[str, str] = field(default_factory=dict[str, str])
    icc: bytes | None = None
    credit: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    palette: bool = False
    """Whether the pixels are numbers of a table of colours, as in masks that number their classes."""


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

    def __repr__(self) -> str:
        """Its size; a million numbers tell nobody anything."""
        height, width = self.size
        return f"<Picture {width} x {height}{'' if self.alpha is None else ', with transparency'}>"

    def _repr_png_(self) -> bytes:
        """What a notebook shows: a large picture smaller, as the page holds it whole."""
        buffer, image = BytesIO(), to_pil(self)
        image.thumbnail((1024, 1024))
        image.save(buffer, "PNG")
        return buffer.getvalue()


def to_pil(picture: Picture) -> Image.Image:
    """A Pillow image in mode RGB, or RGBA where the picture has transparency."""
    image = Image.fromarray(picture.rgb)
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(picture.alpha))
    return image


def from_pil(image: Image.Image) -> Picture:
    """A picture from an image of Pillow, made opaque RGB."""
    return Picture(np.array(image.convert("RGB")))


def flattened(picture: Picture, background: str = "white") -> Picture:
    """The picture laid on a colour (a name or #rrggbb); the same object where nothing is transparent."""
    if picture.alpha is None:
        return picture
    image = to_pil(picture)
    paper = Image.new("RGBA", image.size, (*ImageColor.getrgb(background)[:3], 255))
    laid = Image.alpha_composite(paper, image).convert("RGB")
    return Picture(np.array(laid), None, picture.info)


def pixels_hash(picture: Picture) -> str:
    """SHA-256 of size, colours and transparency; a fully opaque alpha channel counts as none."""
    digest = hashlib.sha256(repr(picture.size).encode())
    digest.update(picture.rgb.tobytes())
    if picture.alpha is not None and picture.alpha.min() < 255:
        digest.update(picture.alpha.tobytes())
    return digest.hexdigest()
