"""How well an inversion found its way: a figure and a word for it."""

from dataclasses import dataclass
from typing import Literal

from overpaint.meter import Meter

GOOD, FAIR = 0.05, 0.2


@dataclass(frozen=True)
class Quality:
    """How far the source strayed from its inversion on the way back."""

    rms: float
    """Root mean square distance in latent units, averaged over the steps."""
    grade: Literal["good", "fair", "poor"]
    words: str
    """The same as a sentence, for people."""


def reconstruction(meter: Meter) -> Quality | None:
    """The reconstruction quality of the edit this meter counted; ``None`` where no source walked home.

    After every step the source's own next latent is compared with the one the inversion stored at that level
    (`Trajectory.follow`), before it is put back if it is pinned. For a pinned source this is the pull that
    pinning had to make: the reconstructed picture is perfect by construction and says nothing. For any other
    it is what the reconstruction has lost by then. It costs no network call.

    Latents are scaled to about unit variance, so the figure is a share of the picture's own contrast. Below
    0.05 is good: with a contrast of a quarter of the range an error of about 38 dB, less than autoencoders
    make. Below 0.2 (about 26 dB) is fair: details differ. Anything above is poor: layout or colours of the
    source have moved, and an edit that follows it moves with them.
    """
    strayed = meter.notes.get("strayed")
    if not strayed:
        return None
    rms = sum(strayed) / len(strayed)
    if rms < GOOD:
        return Quality(rms, "good", "The inversion reconstructs the picture well.")
    if rms < FAIR:
        return Quality(
            rms, "fair", "The inversion reconstructs the picture roughly; fine details may change."
        )
    return Quality(
        rms,
        "poor",
        "The inversion reconstructs the picture poorly, so more may change than you asked for; "
        "try the inversion 'direct', more steps, or a source prompt that describes the picture better.",
    )
