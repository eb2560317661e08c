"""A CLIP that was trained on noisy pictures as a guide: no belief is decoded, no network is gone through.

Nichol et al., "GLIDE", ICML 2022, arXiv:2112.10741, section 2.4; the shift of a mean or of the noise as in
Dhariwal and Nichol, 2021, arXiv:2105.05233.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.finite import finite
from overpaint.guides.clip import Shift, stopped
from overpaint.model import Call, Guide, Line, Model
from overpaint.network import Glimpse
from overpaint.path import Latent, Prediction

SHARPNESS = 100.0
"""What the cosine is multiplied by: the logit scale of CLIP."""


def glimpse_of(model: Model) -> Glimpse:
    """The CLIP beside a model, if it sees through noise.

    Raises:
        UsageError: there is none, or it does not.
    """
    eye = model.eye
    if not isinstance(eye, Glimpse) or not eye.sees_noise:
        raise UsageError(
            f"The CLIP beside {model.name} has seen clean pictures only, and cannot guide from noisy ones; "
            "set strength to 0, or take the method blended-diffusion."
        )
    return eye


@dataclass(frozen=True, eq=False)
class Pulled(Guide):
    """A guide around another one, whose prediction is pulled to where a noise-aware CLIP sees the sentence.

    The pull is the gradient of ``100 cos(image(x, t), sentence)`` by the noisy latent itself.
    """

    base: Guide
    eye: Glimpse
    wish: Float[Tensor, "1 features"]
    """The vector of the sentence, of length one."""
    strength: float
    shift: Shift

    def begin(self) -> "Pulled":
        """With a fresh guide inside."""
        return replace(self, base=self.base.begin())

    def lines(self, i: int) -> Sequence[Line]:
        """The other guide's."""
        return self.base.lines(i)

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """Its prediction and the pull; or the prediction that the pull makes of it.

        Raises:
            NotFinite: the pull is no number any more.
        """
        p = self.base.combine(own, call)
        call.meter.tick("look")
        call.meter.tick("backward")
        pull = self.pull(call.x, call.path.t[call.i])
        if not finite([pull]):
            raise stopped(call)
        if self.shift == "mean":
            return replace(p, pull=pull)
        return replace(call.holding(p.eps - call.path.sigma[call.level] * pull), spread=p.spread)

    def pull(self, x: Latent, t: Tensor) -> Latent:
        """Where CLIP would have latents go that are as noisy as that training level."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            logit = SHARPNESS * (self.eye.through(x, t) * self.wish).sum()
            (gradient,) = torch.autograd.grad(logit, x)
        return self.strength * gradient
