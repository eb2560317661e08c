"""Where a picture may change: white may, black may not, and outside every pixel stays what it was."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from overpaint.errors import UsageError
from overpaint.images.picture import RGB, Picture

Weights = UInt8[NDArray[np.uint8], "h w"]
"""How much of the edit a pixel takes: 0 none of it, 255 all of it."""
BLACK, WHITE = 15, 240
"""Levels from here on outwards are black and white: masks are often saved as JPEG, which adds noise."""
TINTED = 48
"""Channels that differ by more make a colour: less is the noise of a JPEG."""
ONES = "The mask holds nothing but 0 and 1, so 1 was read as white."
STENCIL = "The mask is black wherever it is opaque, so its opacity was read: what is opaque may change."
STRAY = 0.001
"""So few coloured pixels are no colours of the mask's."""
ALMOST_ALL = 0.95
"""A mask that is white over more of the picture than this is likely upside down."""
SEAM = 32
"""A cropped edit fades into its surroundings over this part of its shorter side."""


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask as it was given, and what it says about each pixel."""

    picture: Picture
    weights: Weights
    place: str | None = None
    """Where it lies, if it is a file."""
    notes: tuple[str, ...] = ()
    """What had to be guessed about it, a sentence each."""


def mask_of(
    given: Picture, size: tuple[int, int], feather: int = 0, place: str | None = None, grow: int = 0
) -> Mask:
    """The mask for a picture of that height and width, wider by ``grow`` pixels; ``feather`` inside fade.

    Raises:
        UsageError: it has another size, is made of colours, or nothing in it is white.
    """
    if given.size != size:
        ours, theirs = (f"{width} x {height}" for height, width in (given.size, size))
        raise UsageError(f"The mask has {ours} pixels and the picture {theirs}; make them equal.")
    weights, notes = painted(given)
    if not weights.any():
        lightest = "" if not (most := given.rgb.max()) else f" (its lightest pixel is {most} of 255)"
        raise UsageError(f"The mask is black everywhere{lightest}; paint white what may change.")
    weights = grown(weights, grow)
    soft = np.minimum(weights, ramp(weights, feather))
    if not soft.any():
        raise UsageError(f"A feather of {feather} pixels is wider than what the mask lets change; lower it.")
    return Mask(given, soft, place, (*given.info.notes, *notes, *inverted(weights)))


def inverted(weights: Weights) -> tuple[str, ...]:
    """What is to be said of a mask that lets almost everything change."""
    share = float((weights > 0).mean())
    if share <= ALMOST_ALL:
        return ()
    return (
        f"The mask is white over {share:.0%} of the picture, so almost all of it may change; if what is "
        "white was to stay, swap black and white.",
    )


def painted(given: Picture) -> tuple[Weights, tuple[str, ...]]:
    """The lightness of a mask, almost black and almost white made so, and what has to be said of it.

    What is transparent is black; where all that is opaque is black, opacity counts instead.
    Where nothing is above one, one is white.

    Raises:
        UsageError: its numbers stand for colours, which say nothing about what may change.
    """
    if given.alpha is not None and stencil(given):
        return given.alpha.copy(), (STENCIL,)
    ones = given.rgb.size > 0 and given.rgb.max() == 1
    light = given.rgb[..., 0] * np.uint8(255) if ones else np.array(Image.fromarray(given.rgb).convert("L"))
    if given.alpha is not None:
        light = (light.astype(np.uint16) * given.alpha // 255).astype(np.uint8)
    light[light <= BLACK] = 0
    light[light >= WHITE] = 255
    return light, (ONES,) if ones else coloured(given, light)


def stencil(given: Picture) -> bool:
    """Whether only the opacity of a mask says anything: not all is opaque, and what is is black."""
    if given.alpha is None or given.alpha.min() == 255 or given.alpha.max() == 0:
        return False
    return int(given.rgb[given.alpha > 0].max()) <= BLACK


def coloured(given: Picture, weights: Weights) -> tuple[str, ...]:
    """What is to be said about a mask that is not grey."""
    spread = given.rgb.max(2).astype(np.int16) - given.rgb.min(2)
    colours = spread > TINTED
    if given.alpha is not None:
        colours &= given.alpha > 0
    if colours.mean() <= STRAY:
        return ()
    if given.info.palette:
        red, green, blue = given.rgb[colours][0]
        raise UsageError(
            f"The mask is made of a palette's colours, such as #{red:02x}{green:02x}{blue:02x}, which do not "
            "say what may change; paint that white and the rest black."
        )
    partial = (weights > 0) & (weights < 255) & colours
    return (
        "The mask has colours, of which only the lightness counts: "
        f"{partial.mean():.0%} of the picture takes a share of the edit.",
    )


def grown(weights: Weights, by: int) -> Weights:
    """Every pixel as white as the whitest so many pixels around it, in a square."""
    for axis in (0, 1) if by else ():
        line = [(0, 0), (0, 0)]
        line[axis] = (by, by)
        around = sliding_window_view(np.pad(weights, line), 2 * by + 1, axis)
        weights = around.max(-1)
    return weights


def ramp(weights: Weights, width: int) -> Weights:
    """From 0 at the border of what is not black to 255 so many pixels inside; 255 on no border at all."""
    inside = np.where(weights > 0, 255, 0).astype(np.uint8)
    if not width:
        return inside
    # On a straight border half of the neighbourhood lies inside; from there on it grows in proportion.
    share = np.array(Image.fromarray(inside).filter(ImageFilter.BoxBlur(width))).astype(np.int16)
    soft = np.clip(2 * share - 255, 0, 255).astype(np.uint8)
    return np.where(inside > 0, soft, 0).astype(np.uint8)


def seamless(window: tuple[slice, slice], size: tuple[int, int]) -> Weights:
    """Weights inside a window of a picture that fade towards the sides behind which the picture goes on."""
    heights = sides(window[0], size[0])
    widths = sides(window[1], size[1])
    reach = max(1, min(len(heights), len(widths)) // SEAM)
    near = np.minimum(heights[:, None], widths[None, :])
    return np.minimum(255, near * 255 // (reach + 1)).astype(np.uint8)


def sides(stretch: slice, length: int) -> NDArray[np.int64]:
    """How far each place of a stretch is from an end that is not an end of the whole."""
    start, stop = int(stretch.start), int(stretch.stop)
    places = np.arange(stop - start, dtype=np.int64)
    far = np.full(stop - start, length, np.int64)
    return np.minimum(places + 1 if start > 0 else far, stop - start - places if stop < length else far)


def blended(original: RGB, edited: RGB, weights: Weights) -> RGB:
    """The original with the edit laid over it: untouched where the weight is 0, replaced where it is 255."""
    result = np.where((weights == 255)[..., None], edited, original)
    soft = (weights > 0) & (weights < 255)
    share = weights[soft][:, None].astype(np.float64) / 255
    mixed = original[soft] + (edited[soft].astype(np.float64) - original[soft]) * share
    result[soft] = mixed.round().astype(np.uint8)
    return result
