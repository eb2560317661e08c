"""A look at an edit while it is being made: does the picture change where the prompts part, and only there?

What the network believes to lie behind the noise is known at every step. Its coarse parts are settled first,
so that after a third of the way an edit that went elsewhere can be given up for the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from overpaint.choosing.signals import Ground, focus
from overpaint.errors import OverpaintError
from overpaint.path import Latent

SHARE = 0.35
"""Of the steps: when to look."""
EARLY = "early_focus"
STRAYED = "strayed"
ON_THE_WAY: Mapping[str, str] = {
    EARLY: "the same after 35 % of the steps, of what the network believes behind the noise (logarithm)",
    STRAYED: "how far the source strays on its way back along the inversion (RMS over latents)",
}
"""What was seen before an edit was finished, and what it says beside the signals of the finished one, of
which `focus` comes before the first."""


class Unpromising(OverpaintError):
    """An edit that was given up on the way."""


@dataclass
class Watch:
    """What the network believes on the way, held against the picture; a meter's ``on_preview``.

    An edit is given up where `least` is more than what is found at step `at`, the number of steps being known
    from edits made before.
    """

    given: Ground
    least: float | None = None
    at: int = 0
    found: list[float] = field(default_factory=list[float])
    """How far each belief lies from the picture where the prompts part, over how far elsewhere."""

    def __call__(self, x0: Latent) -> None:
        """Look at a belief.

        Raises:
            Unpromising: the edit is better given up.
        """
        if x0.shape != self.given.x0.shape:
            return  # a network on pixels, or on a part of the picture
        there, elsewhere = self.given.moved(x0.float())
        self.found.append(focus(there, elsewhere))
        if self.least is not None and len(self.found) == self.at and self.found[-1] < self.least:
            raise Unpromising(f"It was given up after {self.at} steps: it changed most where it should not.")

    @property
    def signals(self) -> Mapping[str, float]:
        """What an early look would have found; nothing where there was nothing to see."""
        return {EARLY: self.found[at_of(len(self.found)) - 1]} if self.found else {}


def at_of(steps: int) -> int:
    """The step, from 1 on, after which to look; 0 of none."""
    return ceil(SHARE * steps)
