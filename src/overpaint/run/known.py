"""Whether a picture is of the kind that a model knows, told before it is edited.

A small model edits what it was trained on and destroys everything else, whatever its inversion says. Two
things tell beforehand. The autoencoder's round trip: what it loses, no edit gives back. And how well the
network finds the picture behind a little, some and much noise, with the empty prompt, so that words have no
say: one row for each level. What these figures are on the model's own pictures stands in its folder
(`overpaint.options.Known`); the distance of a picture is by how many standard deviations its figures, as
logarithms, are worse, their mean. Of a model that has no such record the round trip alone is looked at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import log, log10

import torch
from torch import Tensor
from torch.nn import functional

from overpaint.families.known import weights_of
from overpaint.model import Line, Model
from overpaint.network import Pixels
from overpaint.noise import Noise
from overpaint.options import Known, Spread
from overpaint.path import Latent

LEVELS = (150, 300, 450)
"""Training levels, of a thousand, at which the network is asked."""
LIMIT = 2.0
"""Pictures farther away than this are not of the kind the model knows."""
POOR_TRIP = 20.0
"""Below so many decibels a round trip has lost what one would want to keep, whatever the model."""
EVERYWHERE = (slice(None), slice(None))
"""The window of a picture that fills its frame."""
PERFECT = 100.0
"""Decibels of a round trip that loses nothing."""


@dataclass(frozen=True)
class Look:
    """What a picture is to a model."""

    round_trip: float
    """Decibels between the picture and what the autoencoder gives back."""
    noise: tuple[float, ...] = ()
    """How far the network misses the picture behind noise: RMS over its latents, level by level."""
    distance: float | None = None
    """From the pictures the model knows, in standard deviations of theirs; none without a record of them."""
    usual_trip: float | None = None
    """Decibels of the round trip of the model's own pictures."""

    @property
    def far(self) -> bool:
        """Whether the model does not know such pictures."""
        return self.round_trip < POOR_TRIP if self.distance is None else self.distance > LIMIT

    @property
    def unknown(self) -> bool:
        """The same of a model that has a record of its own pictures."""
        return self.distance is not None and self.far

    @property
    def words(self) -> str:
        """What should be known of it before the edit; empty for a picture of a kind that is known."""
        if not self.far:
            return ""
        trip = f"{self.round_trip:.1f} dB"
        if self.distance is None:
            return (
                f"The model's autoencoder alone loses much of this picture ({trip} on the way in and out), "
                "and no edit can keep more of it."
            )
        return (
            f"This picture is far from what the model knows ({self.distance:.1f} standard deviations, beyond "
            f"{LIMIT:g}; {trip} through its autoencoder, where its own pictures have {self.usual_trip:.0f}): "
            "expect the edit to damage it, and take a model that was trained on such pictures."
        )


def looked(
    model: Model,
    pixels: Pixels,
    x0: Latent,
    known: Known | None,
    window: tuple[slice, slice] = EVERYWHERE,
) -> Look:
    """Look at a picture in its frame, of which the window is no padding."""
    back = model.family.decode(x0.float()).clamp(-1, 1)
    part = (..., *window)
    trip = decibels(float(functional.mse_loss(back[part], pixels[part])))
    if known is None:
        return Look(trip)
    noise = missed(model, x0, known.levels)
    marks = [
        standard(known.round_trip, loss(trip)),
        *(standard(usual, log(max(one, 1e-9))) for usual, one in zip(known.noise, noise, strict=True)),
    ]
    return Look(trip, noise, sum(marks) / len(marks), decibels_of(known.round_trip.mean))


def missed(model: Model, x0: Latent, levels: Iterable[int]) -> tuple[float, ...]:
    """How far the network, with the empty prompt, misses a picture behind noise: RMS over its latents."""
    path, null, found = model.path(), model.family.null(), list[float]()
    places = {int(t): i for i, t in enumerate(path.t)}
    for level in levels:
        i = places[level]
        eps = Noise(0).normal(tuple(x0.shape), f"known {level}").to(x0)
        line = Line("+", null)
        p = model.rows(path.noised(x0.float(), eps.float(), i).float(), i, path, ["src+"], [line])
        found.append(rms(p.x0 - x0))
    return tuple(found)


def learned(model: Model, pictures: Iterable[Pixels]) -> Known:
    """The record of a model: what its figures are on its own pictures, each in the frame it is shown in.

    Raises:
        UsageError: the model was not loaded from a folder.
    """
    trips, noises, count = list[float](), list[tuple[float, ...]](), 0
    with model.lock, torch.no_grad():
        for pixels in pictures:
            x0 = model.family.encode(pixels.to(model.device))
            look = looked(model, pixels.to(model.device), x0, None)
            trips.append(loss(look.round_trip))
            noises.append(tuple(log(one) for one in missed(model, x0, LEVELS)))
            count += 1
    spreads = tuple(spread(several) for several in zip(*noises, strict=True))
    return Known(
        weights=weights_of(model), pictures=count, levels=LEVELS, round_trip=spread(trips), noise=spreads
    )


def record_of(model: Model) -> Known | None:
    """What the model's folder says of its own pictures, if it speaks of these very weights."""
    known = model.known
    if known is None or model.origin.loras or known.weights != weights_of(model):
        return None
    return known


def spread(values: Iterable[float]) -> Spread:
    """Mean and standard deviation."""
    found = torch.tensor(list(values), dtype=torch.float64)
    return Spread(mean=round(float(found.mean()), 4), deviation=round(max(float(found.std()), 1e-3), 4))


def standard(usual: Spread, value: float) -> float:
    """By how many standard deviations a value is above the mean."""
    return (value - usual.mean) / usual.deviation


def rms(x: Tensor) -> float:
    """Root mean square."""
    return float(x.float().square().mean().sqrt())


def decibels(error: float) -> float:
    """Peak signal to noise ratio of a mean square error of values in [-1, 1]."""
    return min(PERFECT, 10 * log10(4 / max(error, 1e-12)))


def loss(trip: float) -> float:
    """Decibels of a round trip as the logarithm of its RMS: larger is worse."""
    return log(2) - trip * log(10) / 20


def decibels_of(lost: float) -> float:
    """And back."""
    return (log(2) - lost) * 20 / log(10)
