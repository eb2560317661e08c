"""Edits that a map of what is where asks for: what may change, and what speaks for the rest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overpaint.images import Limits, Picture
from overpaint.model import Model
from overpaint.run.inputs import Given, taken_in
from overpaint.run.regions import Regions, read_regions, regions_in
from overpaint.run.sided import Settings, Wanted
from overpaint.run.where import Where
from overpaint.sides.options import Control

NET = "segmentation"
"""The side network that reads maps."""


@dataclass(frozen=True, eq=False)
class ByMap:
    """What an edit is given where a map was."""

    mask: Picture | None
    """Where the map differs from the picture's own; nothing where it does not, and all may change."""
    control: tuple[Control, Picture]
    """The side network that reads the map, and the map."""
    before: Regions
    after: Regions


def led(found: ByMap, where: Where, control: Settings | Sequence[Wanted]) -> tuple[Where, Sequence[Wanted]]:
    """What may change in an edit by a map, and its side networks, beside what was said of them otherwise."""
    several = (control,) if isinstance(control, str | Control | Mapping) else tuple(control)
    return where if where.said else Where(found.mask), (*several, found.control)


def by_map(image: Given, wanted: Given, model: Model, limits: Limits | None = None) -> ByMap:
    """Hold a map against what is in the picture.

    Raises:
        UsageError: the model has no segmenter, or the map has another size or odd colours.
    """
    picture, _ = taken_in(image, limits)
    before = read_regions(picture, model)
    after = regions_in(taken_in(wanted, limits)[0], before.palette)
    changed = before.apart(after)
    mask = changed if changed.rgb.any() else None
    return ByMap(mask, (Control(net=NET), after.picture), before, after)
