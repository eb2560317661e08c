"""What a method gives back where a single latent does not say it all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from overpaint.errors import OverpaintError
from overpaint.model import Patch
from overpaint.network import Pixels
from overpaint.path import Latent

Layer = Float[Tensor, "1 4 height width"]
"""A picture with its opacity: colours in [-1, 1], opacity in [0, 1]."""


@dataclass(frozen=True)
class Outcome:
    """Results best first: as latents, or as pixels where there is no latent; and what else came about."""

    latents: Sequence[Latent] = ()
    pixels: Sequence[Pixels] = ()
    """Results that are pictures already; they are not decoded."""
    scores: Mapping[str, Sequence[float]] = field(default_factory=dict[str, Sequence[float]])
    """Figures by name, one for each result."""
    layers: Mapping[str, Layer] = field(default_factory=dict[str, Layer])
    """Pictures with opacity that make up the result, by name."""
    learned: Sequence[Patch] = ()
    """What was learned on the way, to be used again."""


def one_or_all(made: Mapping[str, Latent], names: Sequence[str]) -> Latent | Outcome:
    """What branches of these names came to: the latent of one, or the latents of several in this order."""
    latents = [made[name] for name in names]
    return latents[-1] if len(latents) == 1 else Outcome(latents)


def outcome_of(made: Latent | Outcome) -> Outcome:
    """What a method gave, as an outcome.

    Raises:
        OverpaintError: several results in one tensor, none at all, or not a score for each.
    """
    made = made if isinstance(made, Outcome) else Outcome((made,))
    crowded = next((x for x in (*made.latents, *made.pixels) if len(x) != 1), None)
    if crowded is not None:
        raise OverpaintError(
            f"The method gave {len(crowded)} results in one tensor; give each by itself, in an Outcome."
        )
    count = len(made.latents) or len(made.pixels)
    if not count or (made.latents and made.pixels):
        raise OverpaintError("The method must give latents or pixels, one of them and at least one.")
    wrong = next((name for name, values in made.scores.items() if len(values) != count), None)
    if wrong is not None:
        raise OverpaintError(f"The score {wrong!r} must have a value for each of the {count} results.")
    return made
