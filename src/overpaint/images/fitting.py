"""A picture of any size and shape put into the frame of a model, and the edit put back into the picture."""

from dataclasses import dataclass, replace
from math import sqrt
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate, pad

from overpaint.errors import UsageError
from overpaint.images.masking import Weights, blended, seamless
from overpaint.images.picture import Picture, from_pil, to_pil
from overpaint.images.tensors import from_tensor, to_tensor

LONGEST = 2.0  # longest side of a frame in units of the model's side; longer strips are shrunk further
How = Literal["pad", "crop"]
"""Show the model the whole picture, its edge repeated outwards, or only the largest piece of its shape."""


@dataclass(frozen=True)
class Placement:
    """A rectangle in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def window(self) -> tuple[slice, slice]:
        """The same as an index of rows and columns."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, eq=False)
class Fitted:
    """What the model sees, where in it the picture is, and which part of the picture that is."""

    tensor: Float[Tensor, "1 3 h w"]
    placement: Placement
    """Where the scaled picture lies in the model's frame; the rest is padding."""
    region: Placement
    """Which part of the picture the model sees; the rest stays as it is."""


def fit(
    picture: Picture,
    size: int | tuple[int, int],
    multiple: int = 8,
    how: How | str = "pad",
    part: Placement | None = None,
) -> Fitted:
    """Scale a picture for a model without distortion.

    ``pad`` shows the whole picture: with one number the area becomes that of the model's square, so a wide
    picture is wider than the square and less high; what the frame has beyond it repeats the picture's edge.
    ``crop`` shows the largest piece in the middle that has the frame's shape (a square for one number).
    Of a ``part`` only that is shown, as a whole. A picture that has the right size already passes unchanged,
    bit for bit.
    """
    region = part or Placement(0, 0, *picture.size)
    if how == "crop" and part is None:
        frame = size if isinstance(size, tuple) else (whole(size, multiple), whole(size, multiple))
        region, (height, width) = middle(picture.size, frame), frame
    else:
        height, width = scaled_size((region.height, region.width), size)
        frame = size if isinstance(size, tuple) else (whole(height, multiple), whole(width, multiple))
    if frame[0] % multiple or frame[1] % multiple:
        raise UsageError(f"The size {frame[0]} x {frame[1]} is no multiple of {multiple}; choose another.")
    place = Placement((frame[0] - height) // 2, (frame[1] - width) // 2, height, width)
    seen = resized(Picture(picture.rgb[region.window]), (height, width))
    return Fitted(framed(to_tensor(seen), frame, place), place, region)


def scaled_size(size: tuple[int, int], target: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width after scaling both by one number."""
    height, width = size
    if isinstance(target, int):
        scale = min(target / sqrt(height * width), LONGEST * target / max(height, width))
    else:
        scale = min(target[0] / height, target[1] / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def middle(size: tuple[int, int], frame: tuple[int, int]) -> Placement:
    """The largest rectangle of the frame's shape in the middle of a picture."""
    scale = min(size[0] / frame[0], size[1] / frame[1])
    height, width = (max(1, round(side * scale)) for side in frame)
    return Placement((size[0] - height) // 2, (size[1] - width) // 2, height, width)


def whole(length: int, multiple: int) -> int:
    """The length rounded up to a multiple."""
    return -(-length // multiple) * multiple


def framed(
    pixels: Float[Tensor, "1 3 a b"], frame: tuple[int, int], place: Placement
) -> Float[Tensor, "1 3 h w"]:
    """The picture in its frame, its edge repeated outwards."""
    right, bottom = frame[1] - place.left - place.width, frame[0] - place.top - place.height
    return pad(pixels, (place.left, right, place.top, bottom), mode="replicate")


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """The colours at another size; the same object where the size is right already."""
    if picture.size == size:
        return picture
    height, width = size
    opaque = to_pil(replace(picture, alpha=None))
    return from_pil(opaque.resize((width, height), Image.Resampling.LANCZOS))


def paste_back(
    edited: Float[Tensor, "1 3 a b"], fitted: Fitted, picture: Picture, mask: Weights | None = None
) -> Picture:
    """Put an edit of `fitted` back at the size of the picture it came from, with that picture's transparency.

    Padding is cut off; colours are resampled only where the model saw another size. What the model did not
    see, and what lies outside the mask, is the picture's own, bit for bit; edges are soft on the inside only.
    """
    if edited.shape != fitted.tensor.shape:
        shapes = f"{tuple(edited.shape)} instead of {tuple(fitted.tensor.shape)}"
        raise UsageError(f"The edit has another shape than the picture that was fitted: {shapes}.")
    place, region = fitted.placement, fitted.region
    back = resized(from_tensor(edited[(..., *place.window)]), (region.height, region.width)).rgb
    rgb = back
    if (region.height, region.width) != picture.size:
        rgb = picture.rgb.copy()
        seam = seamless(region.window, picture.size)
        if mask is not None and not outside(mask, region).any():
            seam = np.full_like(seam, 255)  # the mask has the only border that shows
        rgb[region.window] = blended(picture.rgb[region.window], back, seam)
    if mask is not None:
        rgb = blended(picture.rgb, rgb, mask)
    return Picture(rgb, picture.alpha, replace(picture.info, text={}, notes=()))


def outside(mask: Weights, region: Placement) -> Weights:
    """What a mask lets change beyond a region."""
    beyond = mask.copy()
    beyond[region.window] = 0
    return beyond


def fit_beside(other: Picture, fitted: Fitted, size: tuple[int, int]) -> Float[Tensor, "1 3 a b"]:
    """Another picture of the same shape where `fitted` has the one of that size, in [0, 1]."""
    region, place = fitted.region, fitted.placement
    if (region.height, region.width) != size:
        other = Picture(resized(other, size).rgb[region.window])
    seen = torch.tensor(resized(other, (place.height, place.width)).rgb)
    bottom, right = fitted.tensor.shape[-2:]
    return framed(seen.permute(2, 0, 1)[None].float() / 255, (bottom, right), place)


def fit_mask(mask: Weights, fitted: Fitted) -> Float[Tensor, "1 1 a b"]:
    """The mask in the model's frame, in [0, 1]: what a method needs to know where it may change something."""
    place = fitted.placement
    seen = torch.tensor(mask[fitted.region.window])[None, None].float() / 255
    if seen.shape[-2:] != (place.height, place.width):
        seen = interpolate(seen, (place.height, place.width), mode="bilinear", antialias=True).clamp(0, 1)
    bottom = fitted.tensor.shape[-2] - place.top - place.height
    right = fitted.tensor.shape[-1] - place.left - place.width
    return pad(seen, (place.left, right, place.top, bottom), mode="replicate")


def spread(
    seen: Float[Tensor, "rows columns"], fitted: Fitted, size: tuple[int, int]
) -> Float[Tensor, "height width"]:
    """A map over what the model saw as one over the whole picture, zero in what was cropped away."""
    region = fitted.region
    up, across = seen.shape[0] / region.height, seen.shape[1] / region.width
    top, left = round(region.top * up), round(region.left * across)
    bottom = max(0, round(size[0] * up) - top - seen.shape[0])
    right = max(0, round(size[1] * across) - left - seen.shape[1])
    return pad(seen, (left, right, top, bottom))
