"""Guidance by several conditions, each by itself and with a scale of its own.

Liu et al., "Compositional Visual Generation with Composable Diffusion Models", ECCV 2022, arXiv:2206.01714,
in the form of Avrahami et al., "SpaText", CVPR 2023, arXiv:2211.14305, equation 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from overpaint.model import Call, Guide, Line
from overpaint.path import Prediction


@dataclass(frozen=True)
class Conditions(Guide):
    """``eps = eps(nothing) + sum_i scale_i (eps(condition i alone) - eps(nothing))``: a row each, and one.

    A line with all conditions at once makes it the fast form, which asks two rows.
    """

    nothing: Line
    """The row that is told nothing."""
    told: Sequence[tuple[Line, float]]
    """The rows of the conditions, and the scales."""

    def lines(self, i: int) -> Sequence[Line]:
        """All rows."""
        return [self.nothing, *(line for line, _ in self.told)]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """From the row that knows nothing towards each of the others."""
        start = found = own[self.nothing.sign]
        for line, scale in self.told:
            way = start.toward(own[line.sign], scale)
            found = replace(found, x0=found.x0 + way.x0 - start.x0, eps=found.eps + way.eps - start.eps)
        return found
