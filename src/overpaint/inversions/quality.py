"""How well an inversion found its way: a figure and a word for it."""

from dataclasses import dataclass, replace
from typing import Literal

from overpaint.meter import Meter

GOOD, FAIR = 0.05, 0.2


Grade = Literal["good", "fair", "poor", "exact", "not measured"]


@dataclass(frozen=True)
class Quality:
    """How far the source strayed from its inversion on the way back."""

    rms: float | None
    """Root mean square distance in latent units, at the end of the walk; none where it was not measured."""
    grade: Grade
    words: str
    """The same as a sentence, for people."""


EXACT = Quality(
    None,
    "exact",
    "The picture starts from the very noise it was generated from; nothing had to be inverted.",
)
UNTOLD = Quality(
    None, "not measured", "Nothing tells whether the picture was generated from the noise that was named."
)
UNWALKED = Quality(
    None,
    "not measured",
    "This method does not walk the source back; 'overpaint invert' does, and tells.",
)


def reconstruction(meter: Meter, using: str = "") -> Quality:
    """The reconstruction quality of the edit this meter counted, with an inversion of that name.

    After every step the source's own next latent is compared with the one the inversion stored at that level
    (`Trajectory.follow`). The figure is where the source ends: its distance from the picture after the last
    step. A source that is put back on the way ends at the picture whatever happened, which says nothing; what
    it was pulled back by after each step is therefore added up, the place it would have come to had nobody
    pulled. It costs no network call; where no source walks home it is not measured, as nothing the inversion
    itself predicts tells what guidance will do on the way back.

    Latents are scaled to about unit variance, so the figure is a share of the picture's own contrast. Below
    0.05 is good: with a contrast of a quarter of the range an error of about 38 dB, less than autoencoders
    make. Below 0.2 (about 26 dB) is fair: details differ. Anything above is poor: layout or colours of the
    source have moved, and an edit that follows it moves with them.
    """
    strayed, pulled = meter.notes.get("strayed"), meter.notes.get("pulled", [])
    if not strayed:
        return UNWALKED
    return graded(sum(pulled) + strayed[-1] - (pulled[-1] if pulled else 0.0), using)


def graded(rms: float, using: str) -> Quality:
    """The word for a figure, and what to do where it is poor."""
    if rms < GOOD:
        return Quality(rms, "good", "The inversion reconstructs the picture well.")
    if rms < FAIR:
        return Quality(
            rms, "fair", "The inversion reconstructs the picture roughly; fine details may change."
        )
    better = "a source prompt that describes the picture better"
    other = (
        f"or {better}"
        if using == "direct"
        else f"{better}, or the inversion 'direct', which holds the source alone"
    )
    return Quality(
        rms,
        "poor",
        "The inversion reconstructs the picture poorly, so more may change than you asked for; try more "
        f"steps, {other}.",
    )


def of_unknown(quality: Quality) -> Quality:
    """The same of a picture that is far from what the model knows: no inversion makes up for that.

    However well the source walks home, a target leaves it, with guidance, into what the model knows.
    """
    return replace(
        quality,
        grade="poor",
        words="The picture is far from what the model knows, so much more may change than you asked for, "
        "whatever the inversion and its steps.",
    )
