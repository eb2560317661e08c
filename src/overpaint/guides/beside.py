"""Extra channels beside every row: what inpainting networks read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor

from overpaint.guides.around import Around
from overpaint.model import Call, Line
from overpaint.path import Prediction


@dataclass(frozen=True)
class Beside(Around):
    """Any guide, each of its rows with further input channels: mask and masked picture, in that order."""

    channels: Float[Tensor, "1 extra h w"]

    @property
    def idle(self) -> frozenset[str]:
        """As the guide inside."""
        return self.guide.idle

    def lines(self, i: int) -> Sequence[Line]:
        """Its rows, with the channels."""
        return [replace(line, concat=self.channels) for line in self.guide.lines(i)]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """What the guide inside makes of them."""
        return self.guide.combine(own, call)
