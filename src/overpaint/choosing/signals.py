"""What tells whether an edit came off, without knowing the right answer, from the network's own predictions.

A network that was trained to find pictures behind noise, given a sentence, can be asked whether a sentence
fits a picture: noise it, ask under both prompts, and see which of them finds it better (the idea of diffusion
classifiers: Li et al., ICCV 2023, arXiv:2303.16203). And where both prompts part on the source is where the
edit should act (Couairon et al., ICLR 2023, arXiv:2210.11427), so that what differs elsewhere is unasked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, log10

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.guides import Plain
from overpaint.masks.disagreement import Asking, disagreement
from overpaint.meter import Meter
from overpaint.model import Branch, Model
from overpaint.network import Pixels, Text
from overpaint.noise import Noise
from overpaint.path import Latent

LEVELS = (150, 300, 450, 650)
"""Training levels, of a thousand, at which the network is asked which prompt fits."""
STEPS = 50
"""Steps of the path on which the prompts are held against each other."""
SHOULD = 0.3
"""From this share of the most disagreement on, a place should change."""
SMALLEST = 1e-8
MOST = 100.0
"""Decibels of no difference at all."""
SIGNALS: Mapping[str, str] = {
    "belief": "how much better the target prompt finds the edit behind noise than the source prompt does",
    "belief_gain": "the same, less what it was for the source picture",
    "natural": "how well the network finds the edit behind noise under the target prompt",
    "kept_elsewhere": "dB between source and edit where the two prompts do not part",
    "changed_there": "how far the edit moves from the source where the two prompts part (RMS over latents)",
    "focus": "that, over how far it moves elsewhere (logarithm)",
    "region": "the share of the picture where the two prompts part",
}
"""Every signal, and what it says."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What the signals of all edits of one picture share."""

    x0: Latent
    pixels: Pixels
    source: Text
    target: Text
    map: Float[Tensor, "cells_down cells_across"]
    """Where the two prompts part, at most 1."""
    belief: float
    rows: int
    """Rows it took."""

    @property
    def should(self) -> Tensor:
        """Where the picture should change."""
        return self.map > SHOULD


def ground(model: Model, pixels: Pixels, source: str, target: str) -> Ground:
    """Look at the picture before any edit of it; ``pixels`` as the model sees it."""
    with model.lock, torch.no_grad(), model.metered(Meter()) as meter:
        x0 = model.family.encode(pixels.to(model.device)).float()
        texts = model.family.text(source), model.family.text(target)
        asking = Asking(x0, *texts, Noise(0))
        found = disagreement(model, model.path(STEPS), asking)
        belief, _ = beliefs(model, x0, *texts)
        return Ground(x0, pixels.to(model.device), *texts, found, belief, meter.rows)


def beliefs(model: Model, x0: Latent, source: Text, target: Text) -> tuple[float, float]:
    """How much better the target prompt finds a picture than the source prompt, and how well it does.

    Both as logarithms of squared errors over the same noise; more is better.
    """
    path, found = model.path(), list[tuple[float, float]]()
    places = {int(t): i for i, t in enumerate(path.t)}
    branches = [Branch("old", Plain(source)), Branch("new", Plain(target))]
    for level in LEVELS:
        i = places.get(level, min(places.values(), key=lambda k: abs(float(path.t[k]) - level)))
        eps = Noise(0).normal(tuple(x0.shape), f"belief {level}").to(x0)
        x = path.noised(x0, eps, i)
        p = model.predict({"old": x, "new": x}, i, path, branches)
        errors = [max(float((p[name].x0.float() - x0).square().mean()), SMALLEST) for name in ("old", "new")]
        found.append((log(errors[0]) - log(errors[1]), -log(errors[1])))
    return sum(one for one, _ in found) / len(found), sum(one for _, one in found) / len(found)


def signals(model: Model, given: Ground, pixels: Pixels) -> dict[str, float]:
    """The signals of an edit of that picture; ``pixels`` as the model sees the edit."""
    with model.lock, torch.no_grad(), model.metered(Meter()):
        shown = pixels.to(model.device)
        x0 = model.family.encode(shown).float()
        belief, natural = beliefs(model, x0, given.source, given.target)
    moved, should = (x0 - given.x0).square().mean(1)[0], given.should
    there, elsewhere = (rms(moved[where]) for where in (should, ~should))
    fine = interpolate(should[None, None].float(), shown.shape[-2:], mode="nearest")[0, 0].bool()
    stayed = (shown.clamp(-1, 1) - given.pixels.clamp(-1, 1))[..., ~fine]
    return {
        "belief": belief,
        "belief_gain": belief - given.belief,
        "natural": natural,
        "kept_elsewhere": decibels(stayed),
        "changed_there": there,
        "focus": log((there + 0.01) / (elsewhere + 0.01)),
        "region": float(should.float().mean()),
    }


def rms(squares: Tensor) -> float:
    """The root of the mean of squares; 0 of none."""
    return float(squares.mean().sqrt()) if squares.numel() else 0.0


def decibels(error: Tensor) -> float:
    """Peak signal to noise ratio of an error of values in [-1, 1]."""
    if not error.numel():
        return MOST
    return min(MOST, 10 * log10(4 / max(float(error.square().mean()), 4e-10)))
