"""A picture of any size and shape put into the frame of a model, and the edit put back into the picture."""

from dataclasses import dataclass, replace
from math import sqrt

from jaxtyping import Float
from PIL import Image
from torch import Tensor
from torch.nn.functional import pad

from overpaint.errors import UsageError
from overpaint.images.picture import Picture, from_pil, from_tensor, to_pil, to_tensor

LONGEST = 2.0  # longest side of a frame in units of the model's side; longer strips are shrunk further


@dataclass(frozen=True)
class Placement:
    """Where the scaled picture lies in the model's frame; the rest is padding."""

    top: int
    left: int
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class Fitted:
    """What the model sees, and where in it the picture is."""

    tensor: Float[Tensor, "1 3 h w"]
    placement: Placement


def fit(picture: Picture, size: int | tuple[int, int], multiple: int = 8) -> Fitted:
    """Scale a picture for a model without distortion and pad it by repeating its edge.

    With one number the area becomes that of the model's square, so a wide picture is wider than the square
    and less high. With a height and a width it is fitted inside exactly that frame. A picture that has the
    right size already passes unchanged, bit for bit.
    """
    height, width = scaled_size(picture.size, size)
    frame = size if isinstance(size, tuple) else (whole(height, multiple), whole(width, multiple))
    if frame[0] % multiple or frame[1] % multiple:
        raise UsageError(f"The size {frame[0]} x {frame[1]} is no multiple of {multiple}; choose another.")
    place = Placement((frame[0] - height) // 2, (frame[1] - width) // 2, height, width)
    return Fitted(framed(to_tensor(resized(picture, (height, width))), frame, place), place)


def scaled_size(size: tuple[int, int], target: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width after scaling both by one number."""
    height, width = size
    if isinstance(target, int):
        scale = min(target / sqrt(height * width), LONGEST * target / max(height, width))
    else:
        scale = min(target[0] / height, target[1] / width)
    return max(1, round(height * scale)), max(1, round(width * scale))


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


def paste_back(edited: Float[Tensor, "1 3 h w"], fitted: Fitted, picture: Picture) -> Picture:
    """Put an edit of `fitted` back at the size of the picture it came from, with that picture's transparency.

    Padding is cut off; colours are resampled only where the model saw another size.
    """
    if edited.shape != fitted.tensor.shape:
        shapes = f"{tuple(edited.shape)} instead of {tuple(fitted.tensor.shape)}"
        raise UsageError(f"The edit has another shape than the picture that was fitted: {shapes}.")
    place = fitted.placement
    inner = edited[..., place.top : place.top + place.height, place.left : place.left + place.width]
    back = resized(from_tensor(inner), picture.size)
    return Picture(back.rgb, picture.alpha, replace(picture.info, text={}))
