"""What tells whether an edit came off, without knowing the right answer.

A network that was trained to find pictures behind noise, given a sentence, can be asked whether a sentence
fits a picture: noise it, ask under several sentences, and see which of them finds it best (the idea of
diffusion classifiers: Li et al., ICCV 2023, arXiv:2303.16203). CLIP is asked the same, which costs next to
nothing; so it names the few sentences that are worth asking the network about. Where both prompts part on
the source is where the edit should act (Couairon et al., ICLR 2023, arXiv:2210.11427), so that what differs
elsewhere is unasked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log, log10

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from overpaint.choosing.rivals import rivals
from overpaint.choosing.things import SIGNALS as OF_THINGS
from overpaint.choosing.things import Thing, nouns, said, stayed, things
from overpaint.guides import Plain
from overpaint.masks.disagreement import Asking, disagreement
from overpaint.meter import Meter
from overpaint.model import Branch, Model
from overpaint.network import Pixels, Text
from overpaint.noise import Noise
from overpaint.path import Latent
from overpaint.sides.segmenter import segmenter_of

LEVELS = (500, 600, 750)
"""Training levels, of a thousand, at which the network is asked which sentence fits.

Where less noise is, it finds a picture by what is left of it, whatever it is told.
"""
NEAREST = 5
"""Rivals that the network is asked about: those that CLIP finds nearest to the edit."""
ROWS = len(LEVELS) * (2 + NEAREST)
"""Rows through the network that looking at an edit takes at most."""
SHARP = 50.0
"""What cosines are multiplied by before they compete."""
STEPS = 50
"""Steps of the path on which the prompts are held against each other."""
SHOULD = 0.3
"""From this share of the most disagreement on, a place should change."""
FAINT = 0.05
"""What a place counts at least where places are weighed by how much the prompts part there."""
SMALLEST = 1e-8
MOST = 100.0
"""Decibels of no difference at all."""
SIGNALS: Mapping[str, str] = {
    "belief": "how much better the target prompt finds the edit behind noise than the source prompt does",
    "rival": "the same against the nearest rival: the source prompt, or the target with one word exchanged",
    "rival_there": "the same, weighed by how much the two prompts part at each place",
    "natural": "how well the network finds the edit behind noise under the target prompt",
    "clip_fit": "cosine of edit and target prompt, by CLIP",
    "clip_rival": "the chance that CLIP gives the target prompt among its rivals (logarithm)",
    "clip_turn": "cosine between the change of the picture and that of the words, by CLIP",
    "kept_elsewhere": "dB between source and edit where the two prompts do not part",
    "changed_there": "how far the edit moves from the source where the two prompts part (RMS over latents)",
    "focus": "that, over how far it moves elsewhere (logarithm)",
    "region": "the share of the picture where the two prompts part",
    "outlines": "how much the edges of edit and source are alike (correlation)",
    **OF_THINGS,
}
"""Every signal, and what it says. A model without CLIP beside it has none of those that ask CLIP, one
without a segmenter none of those that look for things."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What the signals of all edits of one picture share."""

    x0: Latent
    pixels: Pixels
    prompts: tuple[str, ...]
    """The target, the source, and rivals of the target."""
    map: Float[Tensor, "cells_down cells_across"]
    """Where the two prompts part, at most 1."""
    rows: int
    """Rows it took."""
    wishes: Float[Tensor, "prompts features"] | None = None
    """What CLIP reads of the prompts, where there is one."""
    seen: Float[Tensor, "1 features"] | None = None
    """What it sees of the picture."""
    shown: tuple[Thing, ...] | None = None
    """What a segmenter finds in the picture, where there is one."""
    texts: dict[str, Text] = field(default_factory=dict[str, Text])
    """Prompts as the network reads them, as far as it was asked about them."""

    @property
    def should(self) -> Tensor:
        """Where the picture should change."""
        return self.map > SHOULD

    def moved(self, x0: Latent) -> tuple[float, float]:
        """How far a latent lies from the picture where that should change, and elsewhere (RMS)."""
        squares, should = (x0 - self.x0.to(x0)).square().mean(1)[0], self.should.to(x0.device)
        return rms(squares[should]), rms(squares[~should])

    def text(self, model: Model, k: int) -> Text:
        """A prompt as the network reads it."""
        prompt = self.prompts[k]
        if prompt not in self.texts:
            self.texts[prompt] = model.family.text(prompt)
        return self.texts[prompt]


def ground(model: Model, pixels: Pixels, source: str, target: str) -> Ground:
    """Look at the picture before any edit of it; ``pixels`` as the model sees it."""
    eye = None if model.open_eye is None else model.eye
    with model.lock, torch.no_grad(), model.metered(Meter()) as meter:
        shown = pixels.to(model.device)
        x0 = model.family.encode(shown).float()
        before, after = model.family.text(source), model.family.text(target)
        found = disagreement(model, model.path(STEPS), Asking(x0, before, after, Noise(0)))
        others = [] if eye is None else [p for p in rivals(target, model.suits.words, eye) if p != source]
        prompts = (target, source, *others)
        return Ground(
            x0,
            shown,
            prompts,
            found,
            meter.rows,
            None if eye is None else eye.read(prompts),
            None if eye is None else eye.look(shown),
            found_in(model, shown),
            {source: before, target: after},
        )


def misses(
    model: Model, x0: Latent, texts: Sequence[Text]
) -> Float[Tensor, "levels texts cells_down cells_across"]:
    """How far the network misses a picture behind noise, told each of some texts: squares, by place.

    All are asked about the same noise.
    """
    path, found = model.path(), list[Tensor]()
    places = {int(t): i for i, t in enumerate(path.t)}
    branches = [Branch(f"told {k}", Plain(text)) for k, text in enumerate(texts)]
    for level in LEVELS:
        i = places.get(level, min(places.values(), key=lambda k: abs(float(path.t[k]) - level)))
        eps = Noise(0).normal(tuple(x0.shape), f"belief {level}").to(x0)
        x = path.noised(x0, eps, i)
        p = model.predict({one.name: x for one in branches}, i, path, branches)
        found.append(torch.stack([(p[one.name].x0.float() - x0).square().mean(1)[0] for one in branches]))
    return torch.stack(found)


def signals(model: Model, given: Ground, pixels: Pixels) -> dict[str, float]:
    """The signals of an edit of that picture; ``pixels`` as the model sees the edit."""
    with model.lock, torch.no_grad(), model.metered(Meter()):
        shown = pixels.to(model.device)
        x0 = model.family.encode(shown).float()
        by_eye, nearest = looked(model, given, shown)
        squares = misses(model, x0, [given.text(model, k) for k in (0, 1, *nearest)])
    weights = given.map.to(squares).clamp(min=FAINT)
    told, *others = missed(squares, torch.ones_like(weights))
    there, *others_there = missed(squares, weights)
    return {
        "belief": others[0] - told,
        "rival": min(others) - told,
        "rival_there": min(others_there) - there,
        "natural": -told,
        **by_eye,
        **moves(given, x0, shown),
        **standing(model, given, shown),
    }


def found_in(model: Model, pixels: Pixels) -> tuple[Thing, ...] | None:
    """The things in a picture; nothing where there is no segmenter, or it knows none of the model's words."""
    segmenter = segmenter_of(model)
    if segmenter is None:
        return None
    names = nouns(segmenter.palette.names, model.suits.words)
    return tuple(things(segmenter, names, pixels)) if names else None


def standing(model: Model, given: Ground, shown: Pixels) -> dict[str, float]:
    """Whether things stand where they did; nothing where nobody knows what a thing is."""
    after = found_in(model, shown)
    if given.shown is None or after is None:
        return {}
    target, source = (said(prompt, model.suits.words) for prompt in given.prompts[:2])
    return stayed(given.shown, after, source, target)


def missed(squares: Tensor, weights: Tensor) -> list[float]:
    """For each text the mean over levels of the logarithm of what was missed, places weighed."""
    sums = (squares * (weights / weights.sum())).sum((2, 3))
    return [float(one) for one in sums.clamp(min=SMALLEST).log().mean(0)]


def looked(model: Model, given: Ground, shown: Pixels) -> tuple[dict[str, float], list[int]]:
    """What CLIP says of an edit, and which rivals it finds nearest to it; nothing where there is no CLIP."""
    if given.wishes is None or given.seen is None:
        return {}, []
    seen = model.eye.look(shown)
    fits = (given.wishes @ seen[0]).float()
    turn = seen - given.seen
    wanted = given.wishes[0] - given.wishes[1]
    found = {
        "clip_fit": float(fits[0]),
        "clip_rival": float((SHARP * fits).log_softmax(0)[0]),
        "clip_turn": float(torch.cosine_similarity(turn[0], wanted, 0)),
    }
    order = fits[2:].argsort(descending=True, stable=True)[:NEAREST]
    return found, [2 + int(k) for k in order]


def moves(given: Ground, x0: Latent, shown: Pixels) -> dict[str, float]:
    """Where an edit differs from the source, and by how much."""
    there, elsewhere = given.moved(x0)
    fine = interpolate(given.should[None, None].float(), shown.shape[-2:], mode="nearest")[0, 0].bool()
    stayed = (shown.clamp(-1, 1) - given.pixels.clamp(-1, 1))[..., ~fine]
    return {
        "kept_elsewhere": decibels(stayed),
        "changed_there": there,
        "focus": focus(there, elsewhere),
        "region": float(given.should.float().mean()),
        "outlines": alike(edges(shown), edges(given.pixels)),
    }


def focus(there: float, elsewhere: float) -> float:
    """How much more is moved in one place than in another (logarithm)."""
    return log((there + 0.01) / (elsewhere + 0.01))


def edges(pixels: Pixels) -> Tensor:
    """How steep a picture is at each place, at half its size."""
    half = avg_pool2d(pixels.float(), 2)[0]
    down, across = half.diff(dim=1)[..., :-1], half.diff(dim=2)[:, :-1]
    return (down.square() + across.square()).sum(0).sqrt().flatten()


def alike(one: Tensor, other: Tensor) -> float:
    """The correlation of two rows of numbers; 0 where one of them does not vary."""
    return float(torch.cosine_similarity(one - one.mean(), other - other.mean(), 0))


def rms(squares: Tensor) -> float:
    """The root of the mean of squares; 0 of none."""
    return float(squares.mean().sqrt()) if squares.numel() else 0.0


def decibels(error: Tensor) -> float:
    """Peak signal to noise ratio of an error of values in [-1, 1]."""
    if not error.numel():
        return MOST
    return min(MOST, 10 * log10(4 / max(float(error.square().mean()), 4e-10)))
