"""Maps of what is where in a picture: read, painted, changed by name, and held against one another."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from overpaint.errors import UsageError
from overpaint.images import Info, Picture, to_tensor
from overpaint.model import Model
from overpaint.near import nearest
from overpaint.sides.palette import Colour, Palette
from overpaint.sides.segmenter import segmenter_of

TEXT = "overpaint-regions"
"""The text chunk in which a map says which colour stands for which name."""
APART = 40.0
"""Bytes by which a colour may miss that of its name: pens of drawing programs have soft edges."""
ODD = 0.002
"""So few pixels may miss all colours by more."""
MOST = 255
"""Names of a palette: a place in it is a byte, and one more byte stands for none."""
BAND = 2**15
"""Colours that are held against the palette at a time."""
GROWN = 0.04
"""What is changed around a region that was changed, as a share of the picture's longer side."""
Places = UInt8[NDArray[np.uint8], "h w"]
Where = Bool[NDArray[np.bool_], "h w"]


@dataclass(frozen=True, eq=False)
class Regions:
    """A name for every pixel of a picture."""

    palette: Palette
    places: Places
    """The place of every pixel's name in the palette."""
    how: str = "as it was given"
    """Who says so."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that are there, the largest first."""
        counts = np.bincount(self.places.flatten(), minlength=len(self.palette.names)).tolist()
        order = sorted(range(len(counts)), key=lambda k: -counts[k])
        return tuple(self.palette.names[k] for k in order if counts[k])

    @property
    def picture(self) -> Picture:
        """The map as a picture that says which colour is which name."""
        colours = np.array(list(self.palette.colours.values()), dtype=np.uint8)
        said = json.dumps({name: list(colour) for name, colour in self.palette.colours.items()})
        return Picture(colours[self.places], info=Info(text={TEXT: said}))

    def where(self, name: str) -> Where:
        """Where something of that name is.

        Raises:
            UsageError: it is nowhere.
        """
        if name not in self.names:
            raise UsageError(f"There is no {name[:40]!r} in the map; {nearest(name, self.names)}")
        return self.places == self.palette.names.index(name)

    def without(self, name: str) -> "Regions":
        """The map as if that had never been there: what is at the nearer side of the picture goes on behind.

        Things stand before something that is wider than they are, so it is seen where a line ends.
        """
        gone, places = self.where(name), self.places.copy()
        lines = [k for k in range(len(places)) if not gone[k].all()]
        if not lines:
            raise UsageError(f"The map shows nothing but {name}, so nothing can take its place.")
        for k in np.flatnonzero(gone.any(1)):
            like = min(lines, key=lambda one: abs(one - int(k)))
            seen = np.flatnonzero(~gone[like])
            ends = self.places[like, seen[[0, -1]]]
            middle = places.shape[1] / 2
            places[k, gone[k]] = ends[(np.flatnonzero(gone[k]) > middle).astype(int)]
        return replace(self, places=places)

    def painted(self, name: str, where: Where) -> "Regions":
        """The map with a region painted over.

        Raises:
            UsageError: the palette has no such name.
        """
        known = self.palette.names
        if name not in known:
            raise UsageError(f"The map knows no {name[:40]!r}; {nearest(name, known)}")
        return replace(self, places=np.where(where, known.index(name), self.places).astype(np.uint8))

    def moved(self, name: str, dx: int, dy: int) -> "Regions":
        """The region of a name so many pixels further right and down.

        Raises:
            UsageError: it is nowhere, or would be nowhere.
        """
        own = self.where(name)
        (rows, columns), beyond = np.nonzero(own), np.zeros_like(own)
        rows, columns = rows + dy, columns + dx
        left = (0 <= rows) & (rows < len(own)) & (0 <= columns) & (columns < own.shape[1])
        beyond[rows[left], columns[left]] = True
        if not beyond.any():
            raise UsageError(f"Moved by {dx},{dy}, {name} would be outside of the picture; move it less.")
        return self.without(name).painted(name, beyond)

    def renamed(self, name: str, new: str, shape: Where | None = None) -> "Regions":
        """The region of a name with another name, in another shape where one is given."""
        return self.without(name).painted(new, self.where(name) if shape is None else shape)

    def apart(self, other: "Regions") -> Picture:
        """Where two maps differ and a little around it, white on black: what an edit by a map may change.

        Raises:
            UsageError: they have other sizes, or are the same.
        """
        if self.places.shape != other.places.shape:
            (a, b), (height, width) = other.places.shape, self.places.shape
            raise UsageError(
                f"The map has {b} x {a} pixels and the picture {width} x {height}; make them equal."
            )
        mine, theirs = (
            np.array([one.palette.names.index(name) if name in one.palette.names else 255 for name in known])
            for one, known in ((self, self.palette.names), (self, other.palette.names))
        )
        changed = torch.tensor(mine[self.places] != theirs[other.places])[None, None].float()
        reach = max(1, round(GROWN * max(self.places.shape)))
        white = max_pool2d(changed, 2 * reach + 1, 1, reach)[0, 0].numpy().astype(np.uint8) * 255
        return Picture(np.repeat(white[..., None], 3, 2))


def read_regions(picture: Picture, model: Model) -> Regions:
    """What is where, as the segmenter beside the model reads it.

    Raises:
        UsageError: the model has none.
    """
    reader = segmenter_of(model)
    if reader is None:
        raise UsageError(
            f"The model {model.name} has no segmenter that reads what is where; name the words whose places "
            "are wanted, or give a map."
        )
    seen = reader.read((to_tensor(picture) + 1) / 2)
    return Regions(
        reader.palette, seen.segments[0].byte().cpu().numpy(), f"read by the segmenter of {model.name}"
    )


def regions_in(picture: Picture, palette: Palette | None = None) -> Regions:
    """A map that was painted, its colours taken for the nearest of the palette.

    Args:
        picture: the map.
        palette: what its colours stand for, where it does not say that itself.

    Raises:
        UsageError: it does not say so and nobody else does, or has colours that stand for nothing.
    """
    known = said_by(picture) or palette
    if known is None:
        raise UsageError("The map does not say what its colours stand for; make it with: overpaint regions")
    colours = np.array(list(known.colours.values()), dtype=np.float32)
    pixels, back = np.unique(picture.rgb.reshape(-1, 3), axis=0, return_inverse=True)
    named, missed = np.empty(len(pixels), np.uint8), np.empty(len(pixels), np.bool_)
    for k in range(0, len(pixels), BAND):  # a photo has many more colours than a map
        off = np.linalg.norm(pixels[k : k + BAND, None].astype(np.float32) - colours[None], axis=2)
        named[k : k + BAND], missed[k : k + BAND] = off.argmin(1), off.min(1) > APART
    far = missed[back]
    if far.mean() > ODD:
        odd = tuple(int(c) for c in picture.rgb.reshape(-1, 3)[np.flatnonzero(far)[0]])
        raise UsageError(
            f"The map holds the colour {odd}, which stands for none of: {', '.join(known.names)}."
        )
    return Regions(known, named[back].reshape(picture.size))


def said_by(picture: Picture) -> Palette | None:
    """What a map says its colours stand for."""
    try:
        told = json.loads(picture.info.text[TEXT])
        colours = {str(name): cast(Colour, tuple(int(c) for c in colour)) for name, colour in told.items()}
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    sound = all(len(colour) == 3 and 0 <= min(colour) <= max(colour) < 256 for colour in colours.values())
    return Palette(colours) if 0 < len(colours) <= MOST and sound else None


def regions_by_words(
    maps: Iterable[tuple[str, Tensor]], words: Sequence[str], size: tuple[int, int]
) -> Regions:
    """What is where by the attention of words: each pixel belongs to the word that looks at it most.

    Every map is held against its own mean, for words differ in strength far more than places do.

    Raises:
        UsageError: a word is not in the prompt, or there are fewer than two.
    """
    found = {word.lower(): grid for word, grid in maps}
    for word in words:
        if word.lower() not in found:
            raise UsageError(f"{word[:40]!r} is no word of the source prompt; {nearest(word, found)}")
    if len(words) < 2:
        raise UsageError("One word would be everywhere; name at least two, such as the ground's beside it.")
    grids = torch.stack([found[word.lower()].float().cpu() for word in words])
    grids = grids / grids.mean((1, 2), keepdim=True).clamp_min(1e-12)
    large = interpolate(grids[None], size, mode="bicubic", align_corners=False)[0]
    return Regions(spread_palette(words), large.argmax(0).byte().numpy(), "by the attention of words")


def spread_palette(names: Sequence[str]) -> Palette:
    """Colours that differ, for any names."""
    hues = torch.arange(len(names)) / len(names)
    colours: Mapping[str, Colour] = {
        name: cast(Colour, tuple(int(128 + 127 * float(torch.cos(6.2832 * (hue - k / 3)))) for k in range(3)))
        for name, hue in zip(names, hues, strict=True)
    }
    return Palette(colours)
