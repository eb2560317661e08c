"""Where a thing is at every layer, in the source and in the target: painted, or found in attention.

For mutual self-attention (Cao et al., "MasaCtrl", ICCV 2023, arXiv:2304.08465, section 3.3).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from overpaint.attention import Moment, Site
from overpaint.controls.keep import Keep, near_side
from overpaint.controls.mutual import Cells
from overpaint.masks.local_blend import SOURCE, TARGET, Places
from overpaint.masks.morphology import resized
from overpaint.masks.shown import show
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.sample import Latents
from overpaint.task import Mask01


@dataclass(frozen=True)
class Painted:
    """Regions that were given, on the grid of the latents; each cell of a layer takes the nearest of them."""

    source: Mask01
    target: Mask01

    def __call__(self, site: Site, at: Moment) -> tuple[Cells, Cells]:
        """The cells of both."""
        return self._cells(self.source, site, at), self._cells(self.target, site, at)

    def _cells(self, mask: Mask01, site: Site, at: Moment) -> Cells:
        return resized(mask[0, 0], *at.canvas(site)).flatten() > 0.5


@dataclass(frozen=True, eq=False)
class Found:
    """Where words are looked at, in the step at hand and in the layers that came before.

    The maps of the words are averaged over heads and layers, brought to [0, 1] between their least and their
    largest value, and a cell belongs to the thing from ``threshold`` on. Where no map came before, nothing is
    known.
    """

    keeps: Mapping[int, Keep]
    """What records each layer, by its place in order of execution; push them before what asks."""
    places: Places
    threshold: float
    meter: Meter
    """Told after each step where the thing is."""

    @staticmethod
    def of(model: Model, shape: Sequence[int], places: Places, threshold: float, since: int) -> "Found":
        """For latents of that shape, from a step on; ``places`` are the tokens of the words, by branch."""
        names, roles = near_side(model.tap.sites, *shape[-2:]), frozenset(f"{name}+" for name in places)
        chosen = [site for site in model.tap.sites if site.name in names]
        keeps = {site.nth: Keep(frozenset({site.name}), roles, "step", since) for site in chosen}
        return Found(keeps, places, threshold, model.meter)

    @property
    def roles(self) -> frozenset[str]:
        """The rows that are looked at."""
        return frozenset(f"{name}+" for name in self.places)

    def __call__(self, site: Site, at: Moment) -> tuple[Cells, Cells] | None:
        """The cells of both, from the layers before this one."""
        before = [keep for nth, keep in self.keeps.items() if nth < site.nth and keep.held == at.step]
        if not before:
            return None
        height, width = at.canvas(site)
        source, target = (self._where(name, before, height, width).flatten() for name in (SOURCE, TARGET))
        return source, target

    def _where(self, name: str, keeps: list[Keep], height: int, width: int) -> Tensor:
        seen = torch.stack([keep.of(f"{name}+", self.places[name]) for keep in keeps]).mean(0)
        least, most = seen.aminmax()
        share = (seen - least) / (most - least).clamp(min=torch.finfo(seen.dtype).tiny)
        return resized(share, height, width) >= self.threshold

    def shown(self, i: int, xs: Latents) -> Latents:
        """After a step: the thing in both, for whoever looks."""
        keeps = [keep for keep in self.keeps.values() if keep.held == i]
        if keeps:
            height, width = xs[TARGET].shape[-2:]
            both = [self._where(name, keeps, height, width) for name in (SOURCE, TARGET)]
            show(self.meter, torch.stack(both))
        return xs
