"""What a picture should not look like, and how much of that counts from step to step.

Tumanyan et al., "Plug-and-Play Diffusion Features for Text-Driven Image-to-Image Translation", CVPR 2023,
arXiv:2211.12572, whose first released code mixes the negative prompt with the empty one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import ClassVar, Literal

from pydantic import Field

from overpaint.guides.around import Around
from overpaint.model import Call, Line
from overpaint.network import Text
from overpaint.options import Options
from overpaint.path import Prediction

NEGATIVE = "!"
"""The sign of the row that is told the negative prompt."""


class Fade(Options):
    """The share of the empty prompt beside a negative one, which has the rest."""

    only_with: ClassVar[Mapping[str, str]] = {"schedule": "alpha"}
    alpha: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of the empty prompt at the first step, a row more; held at 1 it is the only one",
    )
    schedule: Literal["constant", "linear", "exp"] = Field(
        default="constant", description="how that share falls: not at all, evenly to nothing, or fast"
    )

    def share(self, i: int, steps: int) -> float:
        """That of a step: all of ``alpha`` at the first one, at the last nothing, or ``exp(-6)`` of it."""
        gone = i / max(1, steps - 1)
        match self.schedule:
            case "constant":
                return self.alpha
            case "linear":
                return self.alpha * (1 - gone)
            case "exp":
                return self.alpha * exp(-6 * gone)


@dataclass(frozen=True)
class Faded(Around):
    """Any guide with a row ``+``, mixed with one that leads away from a negative text.

    The published rule guides from ``a eps_null + (1 - a) eps_negative`` instead of ``eps_null``. Guidance is
    affine in that, so mixing what both guides say, by the same shares, is the same, and the guide inside may
    be any.
    """

    negative: Text
    scale: float
    fade: Fade

    def lines(self, i: int) -> Sequence[Line]:
        """Its rows, and that of the negative text."""
        return [*self.guide.lines(i), Line(NEGATIVE, self.negative)]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """Both by their shares; steps that were skipped at the noise end count as taken."""
        skipped = call.path.steps - len(call.path)
        share = self.fade.share(skipped + call.i, call.path.steps)
        led = own[NEGATIVE].toward(own["+"], self.scale)
        return led.toward(self.guide.combine(own, call), share)
