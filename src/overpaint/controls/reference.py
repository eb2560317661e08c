"""Word maps as a reference: those of one branch are kept, and how far another's are from them is measured.

Parmar et al., "Zero-shot Image-to-Image Translation", SIGGRAPH 2023, arXiv:2302.03027, section 3.3.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Control, Maps, Moment, Site

SIGNS = ("-", "+")
"""Both rows of a guided branch are compared, each with its like."""
REFERENCE, LED = (frozenset(name + sign for sign in SIGNS) for name in ("src", "tgt"))


@dataclass(eq=False)
class ReferenceMaps(Control):
    """The cross-attention maps of the source's latest call, layer by layer and row by row."""

    kept: dict[tuple[str, str], Tensor] = field(default_factory=dict[tuple[str, str], Tensor], repr=False)
    """By layer and sign."""
    needs_probs = True
    reads = REFERENCE

    def where(self, site: Site) -> bool:
        """Every cross-attention layer."""
        return site.kind == "cross"

    def when(self, at: Moment) -> bool:
        """Whenever the source is asked; it must then be with both rows."""
        return not REFERENCE.isdisjoint(at.rows)

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """Keep them; they go on unchanged."""
        for sign in SIGNS:
            (row,) = at.of("src" + sign)
            self.kept[site.name, sign] = p[row].detach()
        return p


@dataclass(eq=False)
class MapDistance(Control):
    """How far the target's cross-attention maps are from a reference, with the graph that led to them.

    ``sum over layers of the mean over rows and heads of sum over cells and tokens of (M - M_ref)²``; it grows
    with the number of layers, cells and tokens.
    """

    reference: ReferenceMaps
    measuring: bool = False
    total: Tensor | None = field(default=None, repr=False)
    needs_probs = True
    reads = LED

    def where(self, site: Site) -> bool:
        """Every cross-attention layer."""
        return site.kind == "cross"

    def when(self, at: Moment) -> bool:
        """Whenever the target is asked: its maps are then computed as the source's are, to the last digit."""
        return not LED.isdisjoint(at.rows)

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """Add this layer's while somebody measures; the maps go on unchanged."""
        if not self.measuring:
            return p
        rows = [row for sign in SIGNS for row in at.of("tgt" + sign)]
        wanted = torch.stack([self.reference.kept[site.name, sign] for sign in SIGNS])
        own = (p[rows] - wanted.to(p)).square().sum((-2, -1)).mean()
        self.total = own if self.total is None else self.total + own
        return p

    @contextmanager
    def measured(self) -> Generator[None, None, None]:
        """Measure the calls inside, from nothing on; what was found is dropped at the end."""
        self.measuring, self.total = True, None
        try:
            yield
        finally:
            self.measuring, self.total = False, None

    @property
    def distance(self) -> Float[Tensor, ""]:
        """What was measured so far."""
        return torch.zeros(()) if self.total is None else self.total
