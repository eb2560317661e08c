"""Floors and ceilings: rows of the table that no method made, without which its figures say little."""

from collections.abc import Callable, Mapping

import torch

from overpaint.bench.case import Pictures
from overpaint.bench.variant import Variant
from overpaint.images import Picture, fit, paste_back
from overpaint.model import Model
from overpaint.run.plan import grain


def untouched(pictures: Pictures, model: Model) -> Picture:
    """The source as it is: everything stays, nothing happens."""
    return pictures.source


def round_trip(pictures: Pictures, model: Model) -> Picture | None:
    """The true answer through the autoencoder: the best that an edit of latents can hope for."""
    if pictures.truth is None:
        return None
    fitted = fit(pictures.truth, model.family.side, grain(model))
    with model.lock, torch.no_grad():
        latents = model.family.encode(fitted.tensor.to(model.device))
        return paste_back(model.family.decode(latents), fitted, pictures.truth)


def true_answer(pictures: Pictures, model: Model) -> Picture | None:
    """The true answer: what is wrong with its figures is wrong with the judge."""
    return pictures.truth


REFERENCES: Mapping[str, Callable[[Pictures, Model], Picture | None]] = {
    "source untouched": untouched,
    "truth through the autoencoder": round_trip,
    "truth": true_answer,
}


UNANSWERED = ("source untouched",)
"""Those that need no true answer."""


def references(answered: bool = True) -> list[Variant]:
    """The rows; where no true answer is known, those that need none."""
    return [Variant(name, reference=True) for name in (REFERENCES if answered else UNANSWERED)]
