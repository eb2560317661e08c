"""Semantic guidance: the prediction is pushed towards concepts and away from others, where they matter most.

For a concept ``c`` of scale ``s``, negative for what is taken away, the push is ``s * (eps_c - eps_null)``,
kept where it is among the largest and zero elsewhere. Brack et al., "SEGA: Instructing Text-to-Image Models
using Semantic Guidance", NeurIPS 2023, arXiv:2301.12247, and "LEDITS++: Limitless Image Editing using
Text-to-Image Models", CVPR 2024, arXiv:2311.16711.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError
from overpaint.guides.concept import Concepts, some
from overpaint.model import Call, Guide, Line
from overpaint.network import Text
from overpaint.path import Latent, Prediction
from overpaint.task import Task


@dataclass(frozen=True)
class Term:
    """A concept with everything that a method left it."""

    name: str
    text: Text
    scale: float
    threshold: float = 0.9
    warmup: int = 0
    cooldown: int | None = None
    """The step at which it ends; nothing for never."""
    weight: float = 1.0

    def warm(self, i: int) -> bool:
        """Whether its warm-up is over."""
        return i >= self.warmup

    def cold(self, i: int) -> bool:
        """Whether it has ended."""
        return self.cooldown is not None and i >= self.cooldown


@runtime_checkable
class Pushing(Protocol):
    """A method's options about concepts; what a concept says for itself comes first."""

    @property
    def concept(self) -> Concepts: ...
    @property
    def threshold(self) -> float: ...
    @property
    def warmup(self) -> int: ...
    @property
    def cooldown(self) -> int | None: ...


@runtime_checkable
class Gathering(Pushing, Protocol):
    """The same with a momentum."""

    @property
    def momentum(self) -> float: ...
    @property
    def beta(self) -> float: ...


def terms_of(o: Pushing, task: Task) -> list[Term]:
    """The concepts of a method, read by the model.

    Raises:
        UsageError: there are none, or one is too long for the model.
    """
    return [
        Term(
            one.called,
            task.text(one.text),
            one.scale,
            o.threshold if one.threshold is None else one.threshold,
            o.warmup if one.warmup is None else one.warmup,
            o.cooldown if one.cooldown is None else one.cooldown,
            one.weight,
        )
        for one in some(o.concept)
    ]


def check_acting(terms: Sequence[Term], walked: int, lasting: bool = False) -> None:
    """Refuse concepts that would push at none of so many steps.

    Args:
        terms: the concepts.
        walked: how many steps are walked; that it is none is said elsewhere.
        lasting: whether what a concept pushed before it sets in acts on afterwards, as a momentum.

    Raises:
        UsageError: one of them would not.
    """
    for term in terms if walked else ():
        if term.warmup >= walked:
            raise UsageError(
                f"The concept {term.name!r} would never push, as it sets in after {term.warmup} steps and "
                f"{walked} are walked; give a smaller warmup, or walk more steps."
            )
        end = term.cooldown
        if end is not None and ((end <= term.warmup and not lasting) or not end):
            raise UsageError(
                f"The concept {term.name!r} would never push, as it ends at step {end} and sets in after "
                f"{term.warmup}; give a larger cooldown."
            )


def pushing(o: Gathering, task: Task) -> Callable[[Guide], Guide]:
    """SEGA over any guide, by a method's options."""
    return partial(_semantic, terms=terms_of(o, task), momentum=o.momentum, beta=o.beta)


def _semantic(base: Guide, terms: Sequence[Term], momentum: float, beta: float) -> Guide:
    return Semantic(base, terms, momentum=momentum, beta=beta)


Where = Callable[[int, Term, Latent, Call], Float[Tensor, "1 _ h w"]]
"""From a term's place and its push to the mask of the push: 1 where it stays, a channel or all of them."""


def row(k: int) -> str:
    """The sign of the row of the term in a place."""
    return f"+{k}"


def largest(push: Float[Tensor, "1 c h w"], threshold: float) -> Float[Tensor, "1 c h w"]:
    """Channel by channel 1 at the largest values, so that a share ``threshold`` of the cells is left out."""
    size = push.abs()
    least = torch.quantile(size.flatten(2), threshold, dim=2)
    return (size >= least[:, :, None, None]).to(push)


def by_channel(k: int, term: Term, push: Latent, call: Call) -> Latent:
    """SEGA's choice: each channel has its own places."""
    return largest(push, term.threshold)


def by_cell(k: int, term: Term, push: Latent, call: Call) -> Float[Tensor, "1 1 h w"]:
    """LEDITS++'s choice: the same places for all channels, by the sum of their sizes."""
    return largest(push.abs().sum(1, keepdim=True), term.threshold)


def pushes(own: Mapping[str, Prediction], terms: Sequence[Term]) -> list[Latent]:
    """What every term alone would add to the noise, everywhere."""
    null = own["-"].eps
    return [term.scale * (own[row(k)].eps - null) for k, term in enumerate(terms)]


def pushed(p: Prediction, push: Latent, call: Call) -> Prediction:
    """The prediction with this added to its noise: the belief about the picture gives way."""
    gives = call.path.sigma[call.level] / call.path.alpha[call.level]
    return Prediction(p.x0 - gives * push, p.eps + push, p.spread)


@dataclass(frozen=True)
class Semantic(Guide):
    """SEGA: the guidance that there is, and the weighted sum of all pushes with a momentum.

    The momentum gathers from the first step on. As long as some of the terms warm up, the others act by
    themselves, as a weighted mean and without it; once all are warm, as a sum with it. A term that has ended
    pushes no more, but counts as warm.
    """

    base: Guide
    terms: Sequence[Term]
    where: Where = by_channel
    momentum: float = 0.1
    """How much of what was gathered is added."""
    beta: float = 0.4
    """How much of it is kept at each step."""
    gathered: list[Latent] = field(default_factory=list[Latent], repr=False, compare=False)
    """The momentum of this walk; empty before its first step."""

    @property
    def differentiates(self) -> bool:
        """As the guide inside."""
        return self.base.differentiates

    def begin(self) -> Guide:
        """Without memory of another walk."""
        return replace(self, base=self.base.begin(), gathered=[])

    def lines(self, i: int) -> Sequence[Line]:
        """The rows of the guide inside, and one for each term."""
        return [*self.base.lines(i), *(Line(row(k), term.text) for k, term in enumerate(self.terms))]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """What the guide inside makes of its rows, pushed."""
        kept = [
            torch.zeros_like(push) if term.cold(call.i) else push * self.where(k, term, push, call)
            for k, (term, push) in enumerate(zip(self.terms, pushes(own, self.terms), strict=True))
        ]
        return pushed(self.base.combine(own, call), self._sum(kept, call.i), call)

    def _sum(self, kept: Sequence[Latent], i: int) -> Latent:
        weights = [0.0 if term.cold(i) else term.weight for term in self.terms]
        before = self.gathered[-1] if self.gathered else torch.zeros_like(kept[0])
        whole = weighted(kept, weights) + self.momentum * before
        self.gathered[:] = [self.beta * before + (1 - self.beta) * whole]
        warm = [k for k, term in enumerate(self.terms) if term.warm(i)]
        if len(warm) == len(self.terms):
            return whole
        among = sum(weights[k] for k in warm)
        # All that are warm may have ended already; the published code divides zero by zero then.
        return weighted([kept[k] for k in warm], [weights[k] / among for k in warm]) if among else 0 * whole


def weighted(several: Sequence[Latent], weights: Sequence[float]) -> Latent:
    """A weighted sum."""
    return torch.stack([weight * one for weight, one in zip(weights, several, strict=True)]).sum(0)


@dataclass(frozen=True)
class Localised(Guide):
    """LEDITS++: the unprompted prediction, and every push within its own mask; no prompt, no momentum."""

    null: Text
    terms: Sequence[Term]
    where: Where = by_cell

    def lines(self, i: int) -> Sequence[Line]:
        """The row without a prompt, and one for each term."""
        return [Line("-", self.null), *(Line(row(k), term.text) for k, term in enumerate(self.terms))]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """The sum of what is pushing at this step."""
        kept = [
            term.weight * push * self.where(k, term, push, call)
            for k, (term, push) in enumerate(zip(self.terms, pushes(own, self.terms), strict=True))
            if term.warm(call.i) and not term.cold(call.i)
        ]
        return pushed(own["-"], sum(kept, torch.zeros_like(own["-"].eps)), call)
