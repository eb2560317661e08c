"""Regions of a request that are told what to show: from how people give them to the model's frame."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from overpaint.errors import UsageError
from overpaint.images import Fitted, Limits, Mask, Picture, fit_mask, mask_of
from overpaint.images.fitting import fit
from overpaint.images.reading import read_bytes, within
from overpaint.run.inputs import Given, checked_text, taken_in
from overpaint.task import Region, Request

REGION = "region"
"""What the masks are called among the pictures of a request."""
MOST = 16
SAID = re.compile(r"(?P<file>.+?\.\w{2,4})(?::(?P<words>.*))?", re.DOTALL)
"""``FILE:WORDS``; the words may be left out."""
KEYS = re.compile(r",(?=[^,=]*=)")
"""Between ``1=a red cube`` and ``2=a ball``; other commas belong to the words."""
Segments = str | Path | Image.Image | NDArray[Any]
Told = Sequence[tuple[Given, str]] | Mapping[Any, str]
"""Masks with words; or words by the value or the colour of segments in one picture."""


@dataclass(frozen=True)
class ToldRegions:
    """What is asked of regions: masks, and words for each."""

    masks: tuple[Given, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def pictures(self) -> dict[str, list[Given]]:
        """The masks as further pictures of a request."""
        return {REGION: list(self.masks)} if self.masks else {}

    @property
    def request(self) -> dict[str, Any]:
        """The words as a part of it."""
        return {"regions": self.words} if self.words else {}


def regions_in(told: Told, segments: Segments | None = None, limits: Limits | None = None) -> ToldRegions:
    """Masks and words, in whichever way they are given.

    Raises:
        UsageError: words without masks or the other way round, or something that is neither.
    """
    if isinstance(told, Mapping):
        if segments is None:
            raise UsageError("Words by value or colour belong to a picture of segments; give that too.")
        return of_segments(segments, {str(key): words for key, words in told.items()}, limits)
    if segments is not None:
        raise UsageError("Say what the segments show, by value or colour: 1=a red cube.")
    pairs = [pair for pair in told if len(pair) == 2]
    if len(pairs) < len(told):
        raise UsageError("A region is a mask with words: (mask, words).")
    words = tuple(checked_text(words.strip(), f"region {k}") for k, (_, words) in enumerate(pairs, 1))
    return ToldRegions(tuple(mask for mask, _ in pairs), words)


def parsed(text: str) -> tuple[str, str]:
    """What a person writes: ``left.png:a red cube``; without words it stays what the picture shows.

    Raises:
        UsageError: it names no file.
    """
    found = SAID.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no region; write FILE:WORDS, such as left.png:a red cube.")
    return found["file"], " ".join((found["words"] or "").split())


def listed(text: str) -> dict[str, str]:
    """What a person writes of segments: ``1=a red cube, 2=a ball``.

    Raises:
        UsageError: a part is not of that form, or a value is named twice.
    """
    found = dict[str, str]()
    for part in KEYS.split(text):
        key, sign, words = (one.strip() for one in part.partition("="))
        if not sign or not key:
            raise UsageError(f"{part.strip()!r} tells no segment; write VALUE=WORDS: 1=a red cube, 2=a ball.")
        if key in found:
            raise UsageError(f"The segment {key!r} is told twice; tell each once.")
        found[key] = " ".join(words.split())
    return found


def of_segments(segments: Segments, told: Mapping[str, str], limits: Limits | None = None) -> ToldRegions:
    """A region for each segment that is told something: numbers are values of pixels, else they are colours.

    Raises:
        UsageError: there are no such pixels, or the picture has no values.
    """
    values, colours = numbered(segments, limits)
    masks = list[Given]()
    for key in told:
        here = chosen(key, values, colours)
        if not here.any():
            raise UsageError(f"The segments have no pixel of {key!r}{there_are(values)}.")
        masks.append(Picture(np.where(here[..., None], 255, 0).astype(np.uint8).repeat(3, 2)))
    return ToldRegions(
        tuple(masks), tuple(checked_text(words, f"region {key}") for key, words in told.items())
    )


def numbered(
    segments: Segments, limits: Limits | None
) -> tuple[NDArray[np.int64] | None, NDArray[np.uint8] | None]:
    """The values of pixels, where they have one each, and their colours, where they have those."""
    if isinstance(segments, np.ndarray):
        array: NDArray[Any] = segments
        if array.ndim == 2 and array.dtype.kind in ("b", "u", "i"):
            return array.astype(np.int64), None
        raise UsageError("Segments as an array are whole numbers of shape (height, width).")
    image = segments if isinstance(segments, Image.Image) else opened(Path(segments), limits)
    colours = np.asarray(image.convert("RGB"))
    if image.mode in ("P", "L", "1", "I", "I;16"):
        return np.asarray(image).astype(np.int64), colours
    return None, colours


def opened(path: Path, limits: Limits | None) -> Image.Image:
    """A picture with its palette, as its file has it.

    Raises:
        UsageError: it cannot be read, or is too large.
    """
    taken_in(path, limits)  # refused, with a sentence, where it is no picture
    limits = limits or Limits()
    with within(limits):
        image = Image.open(BytesIO(read_bytes(path, limits)))
        image.load()
    return image


def chosen(
    key: str, values: NDArray[np.int64] | None, colours: NDArray[np.uint8] | None
) -> NDArray[np.bool_]:
    """Which pixels have a value or a colour.

    Raises:
        UsageError: it is neither, or the picture has none of the kind.
    """
    if key.isdecimal():
        if values is None:
            raise UsageError(f"The segments are colours, not values; write a colour in place of {key}.")
        return values == int(key)
    try:
        wanted = ImageColor.getrgb(key)[:3]
    except ValueError:
        raise UsageError(f"{key!r} is neither a value nor a colour; write 1, red or #ff0000.") from None
    if colours is None:
        raise UsageError(f"The segments are values, not colours; write a number in place of {key!r}.")
    return (colours == np.array(wanted, np.uint8)).all(-1)


def there_are(values: NDArray[np.int64] | None) -> str:
    """Which values there are, as the end of a sentence, where they are few."""
    found = [] if values is None else [int(one) for one in np.unique(values)]
    return f"; there are {', '.join(map(str, found))}" if 0 < len(found) <= MOST else ""


def masks_of(
    pictures: Sequence[tuple[Picture, str | None]], request: Request, picture: Picture | None
) -> tuple[Mask, ...]:
    """The masks of regions, all of one size.

    Raises:
        UsageError: they are of several sizes, too many, without words or the other way round, or one is
            black.
    """
    if len(pictures) != len(request.regions):
        raise UsageError(f"There are {len(pictures)} regions and words for {len(request.regions)}.")
    if len(pictures) > MOST:
        raise UsageError(f"A picture has {MOST} regions at the most, not {len(pictures)}.")
    if not pictures:
        return ()
    first, _ = pictures[0]
    size = first.size if picture is None else picture.size
    other = next((one for one, _ in pictures if one.size != size), None)
    if other is not None:
        ours, theirs = (f"{width} x {height}" for height, width in (other.size, size))
        of = "the first one" if picture is None else "the picture"
        raise UsageError(f"A region has {ours} pixels and {of} {theirs}; make them equal.")
    return tuple(mask_of(one, size, 0, place) for one, place in pictures)


def overlaps(masks: Sequence[Mask]) -> tuple[str, ...]:
    """What is to be said where regions cover each other, a sentence each."""
    found = list[str]()
    for k, one in enumerate(masks):
        later = [
            n
            for n in range(k + 1, len(masks))
            if (one.weights.astype(bool) & masks[n].weights.astype(bool)).any()
        ]
        found += [f"The regions {k + 1} and {n + 1} overlap; there the later one counts." for n in later]
    return tuple(found)


def framed(masks: Sequence[Mask], words: Sequence[str], fitted: Fitted) -> list[Region]:
    """The regions in the model's frame."""
    pairs = zip(masks, words, strict=True)
    return [Region(said, fit_mask(mask.weights, fitted)) for mask, said in pairs]


def canvas(masks: Sequence[Mask], side: int, multiple: int) -> Fitted | None:
    """A frame of the masks' shape, for a picture that is drawn anew; nothing without masks."""
    return fit(masks[0].picture, side, multiple) if masks else None
