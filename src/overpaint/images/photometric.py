"""What the numbers of a TIFF look like: an image of eight bits with what the file says about its colours."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from PIL import Image

from overpaint.images.credit import CREDIT, iptc_in
from overpaint.images.depth import Levels, Numbers, Odd, eight
from overpaint.images.tiff import EXTRA, LEAST, MOST, PHOTOMETRIC, Layout, values

COLOURS = {0: "L", 1: "L", 2: "RGB", 5: "CMYK", 8: "LAB"}
"""What the samples of a pixel mean, by what the file calls it."""
WHITE_IS_ZERO = 0
PREMULTIPLIED, CLEAR = 1, (1, 2, 999)
"""Kinds of a further sample: colours times it, and all that are transparency."""
PROFILE, PACKET, ORIENTATION = 34675, 700, 274


def image_of(layout: Layout, numbers: Numbers) -> tuple[Image.Image, tuple[str, ...]]:
    """The picture in eight bits, and what had to be guessed.

    Raises:
        Odd: its colours or the range of its numbers are not known.
        ValueError: the file contradicts itself.
    """
    photometric = int(layout.tags.get(PHOTOMETRIC, WHITE_IS_ZERO))
    mode = COLOURS.get(photometric)
    if mode is None:
        raise Odd("holds its colours in a way that is not read; save it as PNG.")
    count = Image.getmodebands(mode)
    if numbers.shape[2] < count:
        raise ValueError("there are fewer samples than colours")
    levels, note = lightness(layout, numbers[..., :count], mode)
    if photometric == WHITE_IS_ZERO:
        levels = 255 - levels
    kind, clear = transparency(layout, numbers, count)
    image = merged(mode, levels, kind, clear)
    image.info |= beside(layout.tags)
    return image, () if note is None else (note,)


def lightness(layout: Layout, numbers: Numbers, mode: str) -> tuple[Levels, str | None]:
    """The colours as eight bits each."""
    if mode == "LAB":
        return lab(layout, numbers), None
    return eight(numbers, layout.bits, said(layout.tags))


def said(tags: Mapping[int, Any]) -> tuple[float, float] | None:
    """Which numbers are black and white, where the file says so."""
    ends = [first(tags.get(tag)) for tag in (LEAST, MOST)]
    found = [float(end) for end in ends if isinstance(end, int | float)]
    return (found[0], found[1]) if len(found) == 2 else None


def first(value: Any) -> Any:
    """What a tag says of the first sample."""
    return next(iter(cast(tuple[Any, ...], value)), None) if isinstance(value, tuple) else value


def lab(layout: Layout, numbers: Numbers) -> Levels:
    """Lab: the lightness from 0, the two others around it; the high bytes of wide numbers."""
    if layout.kind == "f" or layout.bits not in (8, 16):
        raise Odd("holds Lab colours of a depth that is not read; save it as PNG.")
    levels = (numbers.astype(np.int64) >> (layout.bits - 8) & 255).astype(np.uint8)
    levels[..., 1:] ^= 128  # they are signed, and Pillow counts from the middle
    return levels


def transparency(layout: Layout, numbers: Numbers, count: int) -> tuple[int, Levels | None]:
    """Of what kind it is, and its levels; behind the colours stands the first sample that says so."""
    further = numbers.shape[2] - count
    named = EXTRA in layout.tags
    kinds = values(layout.tags, EXTRA, 0) if named else (CLEAR[1],) * further  # many writers do not name it
    for place, kind in enumerate(kinds[:further]):
        if kind in CLEAR:
            return kind, eight(numbers[..., count + place], layout.bits)[0]
    return 0, None


def merged(mode: str, levels: Levels, kind: int, clear: Levels | None) -> Image.Image:
    """An image of Pillow from its bands."""
    bands = [Image.fromarray(np.ascontiguousarray(levels[..., k])) for k in range(levels.shape[2])]
    if clear is None or mode not in ("L", "RGB"):
        return bands[0] if mode == "L" else Image.merge(mode, bands)
    whole = Image.merge(f"{mode}A", [*bands, Image.fromarray(clear)])
    if kind != PREMULTIPLIED:
        return whole
    premultiplied = Image.frombytes("RGBA"[:3] + "a", whole.size, whole.convert("RGBA").tobytes())
    return premultiplied.convert("RGBA").convert(f"{mode}A")


def beside(tags: Mapping[int, Any]) -> dict[str, Any]:
    """Profile, packet of XMP, and the EXIF that is read: which side is up, author and notice."""
    made = Image.Exif()
    for tag in (ORIENTATION, *CREDIT.values()):
        if tag in tags:
            made[tag] = tags[tag]
    found = {"icc_profile": first(tags.get(PROFILE)), "xmp": first(tags.get(PACKET))}
    found |= {"exif": made.tobytes(), "iptc": iptc_in(tags)}
    return {name: value for name, value in found.items() if isinstance(value, bytes)}
