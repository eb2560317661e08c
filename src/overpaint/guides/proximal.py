"""Proximal guidance: only where the two prompts clearly disagree is the prediction guided at all.

Han et al., "Improving Tuning-Free Real Image Editing with Proximal Guidance", WACV 2024, arXiv:2306.05414.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from overpaint.guides.cfg import at
from overpaint.model import Call, Guide, Line
from overpaint.network import Text
from overpaint.path import Latent, Prediction

SOURCE = "src"
Shrink = Literal["l0", "l1-official"]
"""What is done to a difference ``d`` at the threshold ``k``.

``"l0"`` is ``sign(d) * max(|d| - k, 0)``: a *soft* threshold. The published code and every published figure
call it l0, so it keeps that name here, although the paper's l0 operator is a hard threshold (``d`` where
``|d| > k``, else 0) and the formula is that of its l1. ``"l1-official"`` repeats a slip of the published code
under its name l1: after the soft threshold, ``k`` is taken off what is positive and then added to whatever is
negative by then, so that small positive differences survive and small negative ones change sign.
"""


def shrunk(delta: Latent, limit: Tensor, how: Shrink = "l0") -> Latent:
    """A difference with everything up to the threshold taken away."""
    kept = delta - delta.clamp(-limit, limit)
    if how == "l1-official":
        kept = torch.where(kept > 0, kept - limit, kept)
        kept = torch.where(kept < 0, kept + limit, kept)
    return kept


def spread(mask: Latent, radius: int) -> Latent:
    """A mask of 0 and 1 grown by ``radius`` cells to every side, channel by channel."""
    return F.max_pool2d(mask, 2 * radius + 1, stride=1, padding=radius) if radius else mask


@dataclass(frozen=True)
class Pull:
    """A leash outside the mask: towards the picture, towards the stored inversion, or both.

    With ``m`` the mask of what is edited, the belief about the picture moves by ``picture * (1 - m)`` towards
    the picture itself (reconstruction guidance), and the next latent by ``stored * (1 - m)`` towards the
    stored one (inversion guidance). Both act between two training levels only, those left out.
    """

    latents: Float[Tensor, "levels c h w"]
    """The stored inversion, noise end first; the last is the picture."""
    picture: float = 0.0
    stored: float = 0.0
    below: int = 400
    above: int = -1

    def __call__(self, p: Prediction, mask: Latent, call: Call) -> Prediction:
        """The prediction with the leash on."""
        path, i = call.path, call.i
        if not self.above < path.t[i] < self.below:
            return p
        free = 1 - mask
        p = Prediction(p.x0 - self.picture * free * (p.x0 - self.latents[-1:]), p.eps)
        if not self.stored:
            return p
        # The next latent is affine in x0, so what is to be added to it can be added here.
        gap = self.latents[i + 1 : i + 2] - path.at(p, i + 1)
        return Prediction(p.x0 + self.stored * free * gap / path.alpha[i + 1], p.eps)


@dataclass(frozen=True)
class Proximal(Guide):
    """``eps = eps_null + scale * prox(eps_text - eps_null)``: classifier-free guidance with a threshold.

    The threshold is a quantile of ``|eps_text - eps_null|`` over all elements of this branch and of the
    source beside it, as in the published code, whose calls hold these two: how much a target may differ is
    measured against its source, whoever else walks along.
    """

    text: Text | Sequence[Text]
    null: Text | Sequence[Text] | None
    """Nothing where a branch's text is its own empty text: its difference is zero, and one row tells all."""
    scale: float = 7.5
    quantile: float = 0.7
    threshold: float | None = None
    """In place of the quantile, where given."""
    shrink: Shrink = "l0"
    dilate: int = 1
    """Cells by which the mask of what is edited is grown."""
    pull: Pull | None = None

    def lines(self, i: int) -> Sequence[Line]:
        """The row without the prompt, unless it would be the same, and the row with it."""
        plus = Line("+", at(self.text, i))
        return [plus] if self.null is None else [Line("-", at(self.null, i)), plus]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """Guide where the difference stands out; elsewhere, and below a level, hold on to the source."""
        base = own.get("-", own["+"])
        delta = own["+"].eps - base.eps
        limit = self._limit(call)
        kept = shrunk(delta, limit, self.shrink)
        # As a factor on the difference, so that it holds for x0 too, whatever the network predicts.
        p = base.toward(own["+"], self.scale * torch.where(delta == 0, 0.0, kept / delta))
        if self.pull is None:
            return p
        return self.pull(p, spread((kept.abs() > limit).to(kept), self.dilate), call)

    def _limit(self, call: Call) -> Tensor:
        if self.threshold is not None:
            return call.x.new_tensor(self.threshold)
        return torch.quantile(_differences(_concerned(call)), self.quantile)


def _concerned(call: Call) -> Mapping[str, Prediction]:
    """The rows of the branch that is guided and of the source; all of them for the source itself."""
    if call.name in ("", SOURCE):
        return call.rows
    return {role: p for role, p in call.rows.items() if role[:-1] in (SOURCE, call.name)}


def _differences(call: Mapping[str, Prediction]) -> Float[Tensor, " elements"]:
    """What guidance would scale, over all branches: zero for one that asked for a single row."""
    texts = {role[:-1]: p.eps for role, p in call.items() if role.endswith("+")}
    nulls = {role[:-1]: p.eps for role, p in call.items() if role.endswith("-")}
    gaps = [(eps - nulls.get(name, eps)).abs().flatten() for name, eps in texts.items()]
    return torch.cat(gaps)
