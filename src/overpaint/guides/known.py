"""What is known of a picture, in the place of what the network believes there.

Nichol et al., "GLIDE", ICML 2022, arXiv:2112.10741, whose released code replaces the predicted picture
outside a hole at every step; nothing noised is blended in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from overpaint.guides.around import Around
from overpaint.model import Call, Line
from overpaint.path import Latent, Prediction
from overpaint.task import Mask01


@dataclass(frozen=True)
class Known(Around):
    """Any guide, whose belief about the picture becomes the picture itself outside a region.

    The noise is then what the latent holds beside that belief, so that every step lands where the belief
    leads, and one to the data end is the picture bit for bit.
    """

    source: Latent
    region: Mask01
    """On the grid of the latents, 1 where the picture may change."""
    bounded: bool = False
    """Whether the belief is kept between -1 and 1, as of pixels."""

    def lines(self, i: int) -> Sequence[Line]:
        """Its rows."""
        return self.guide.lines(i)

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """Its prediction, put right where the picture is known."""
        p = self.guide.combine(own, call)
        x0 = torch.where(self.region > 0, p.x0, self.source.to(p.x0))
        x0 = x0.clamp(-1, 1) if self.bounded else x0
        eps = (call.x - call.path.alpha[call.level] * x0) / call.path.sigma[call.level]
        return replace(p, x0=x0, eps=eps)
