"""CLIP as a guide: how the picture in a latent would have to change to be nearer to a sentence.

Dhariwal and Nichol, 2021, arXiv:2105.05233, as Avrahami et al., "Blended Diffusion", CVPR 2022,
arXiv:2111.14818, use it: on the belief, through the network, with warped copies of what is seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from jaxtyping import Float
from pydantic import Field
from torch import Tensor

from overpaint.errors import NotFinite
from overpaint.finite import finite
from overpaint.losses.clip import arc
from overpaint.losses.views import Warps, extended
from overpaint.model import Call, Guide, Line, Model
from overpaint.network import Eye, Pixels
from overpaint.options import PLACE
from overpaint.path import Latent, Prediction
from overpaint.task import Mask01

Shift = Literal["mean", "noise"]
"""Whether a pull moves the mean of a random step, or the predicted noise of any."""
ClipName = Annotated[
    str,
    Field(
        description="a CLIP in a folder or an id in the Hub's cache, such as openai/clip-vit-base-patch32; "
        "none: the one beside the model",
        json_schema_extra={**PLACE},
    ),
]
"""A CLIP as an option."""


@dataclass(frozen=True)
class Outside:
    """What holds the picture outside a mask, where nothing is blended: the mean square of the difference."""

    source: Pixels
    weight: float

    def __call__(self, pixels: Pixels, mask: Mask01) -> Tensor:
        """How far it has gone."""
        return self.weight * ((pixels - self.source) * (1 - mask)).square().mean()


@dataclass(frozen=True, eq=False)
class Seen(Guide):
    """A guide around another one, whose prediction is pulled to where CLIP sees the sentence.

    What CLIP sees is the belief, mixed with the latent itself the cleaner that is, decoded, and grey outside
    the mask. Its vectors' distance to the sentence, a mean over the copies, goes back through everything.
    """

    base: Guide
    model: Model
    eye: Eye
    wish: Float[Tensor, "1 features"]
    """The vector of the sentence."""
    mask: Mask01
    """Where CLIP looks, on the grid of the pixels."""
    weight: float
    copies: int
    warps: Warps
    colours: float
    """How strongly colours beyond black and white are held back."""
    shift: Shift
    outside: Outside | None = None

    @property
    def differentiates(self) -> bool:
        """It does."""
        return True

    def begin(self) -> "Seen":
        """With a fresh guide inside."""
        return replace(self, base=self.base.begin())

    def lines(self, i: int) -> Sequence[Line]:
        """The other guide's."""
        return self.base.lines(i)

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """Its prediction, and the pull; or the prediction that the pull makes of it.

        Raises:
            NotFinite: the pull is no number any more.
        """
        p = self.base.combine(own, call)
        loss = self._loss(p, call)
        call.meter.tick("backward")
        (grad,) = torch.autograd.grad(loss, call.x)
        call.meter.note("clip loss", float(loss.detach()))
        if not finite([grad]):
            raise stopped(call)
        if self.shift == "mean":
            return replace(p, pull=-grad)
        return replace(call.holding(p.eps + call.path.sigma[call.level] * grad), spread=p.spread)

    def _loss(self, p: Prediction, call: Call) -> Tensor:
        share = call.path.sigma[call.level]
        pixels = self.model.decode(share * p.x0 + (1 - share) * call.x)
        side = self.eye.side
        views = extended(pixels * self.mask, side, self.copies, self.warps(call.i, self.copies - 1, side))
        call.meter.tick("look", len(views))
        loss = self.weight * arc(self.eye.embed(views), self.wish).mean()
        loss = loss + self.colours * beyond(p.x0 if pixels.shape == p.x0.shape else pixels)
        return loss if self.outside is None else loss + self.outside(pixels, self.mask)


def stopped(call: Call) -> NotFinite:
    """The error for a pull that is no number any more."""
    return NotFinite(
        f"The pull of CLIP stopped being numbers at step {call.i + 1} of {len(call.path)}; lower the "
        "strength, or choose the type float32."
    )


def beyond(pixels: Latent) -> Tensor:
    """The mean square of what lies beyond black and white."""
    return (pixels - pixels.clamp(-1, 1)).square().mean()
