"""What came of an edit that was asked for nothing, in figures and words."""

from dataclasses import dataclass, fields
from typing import Any

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss

from overpaint.images import Picture, to_tensor
from overpaint.run.known import decibels

VISIBLE = 0.1
"""A pixel has changed visibly where a channel did by more than this share of its range."""
WORDS = ((40, "next to nothing"), (30, "little"), (22, "details"), (16, "much"), (0, "nearly everything"))
"""From so many decibels on, what is changed."""
ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "middle", "right")
MOSTLY = 0.35
"""The share of the change in one of nine places from which on it is named."""


@dataclass(frozen=True, eq=False)
class Unasked:
    """What came of asking for nothing."""

    method: str
    inversion: str | None
    """What the method walked with, if it has an inversion."""
    psnr: float
    """Decibels between the picture and what came back."""
    round_trip: float | None
    """The same of the autoencoder alone: no edit that ends in it can do better. None of methods on pixels."""
    changed: float
    """The share of pixels that changed visibly."""
    place: str
    """Where most of it is: one of nine places, or all over."""
    picture: Picture
    """What came back."""
    rows: int
    """Rows it took."""

    @property
    def facts(self) -> dict[str, Any]:
        """The same for programs, without the picture."""
        shown = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "picture"}
        return {**shown, "words": self.words}

    @property
    def words(self) -> str:
        """The same as sentences."""
        what = self.method if self.inversion is None else f"{self.method} over {self.inversion}"
        amount = next(word for least, word in WORDS if self.psnr >= least)
        where = f", {self.place}" if self.psnr < WORDS[0][0] else ""
        alone = (
            "" if self.round_trip is None else f" The autoencoder alone gives back {self.round_trip:.1f} dB."
        )
        return (
            f"Asked for nothing (the same prompt twice), {what} changes {amount}: {self.psnr:.1f} dB, "
            f"{self.changed:.0%} of the picture visibly{where}.{alone}"
        )


def compared(one: Picture, other: Picture) -> tuple[float, float, str]:
    """Decibels between two pictures, the share of pixels that differ visibly, and where most of it is."""
    was, now = to_tensor(one), to_tensor(other)
    differs = ((was - now).abs().amax(1) > 2 * VISIBLE).float()
    return apart(one, other), float(differs.mean()), place((was - now).square().mean(1)[0])


def apart(one: Picture, other: Picture) -> float:
    """Decibels between two pictures."""
    return decibels(float(mse_loss(to_tensor(one), to_tensor(other))))


def place(error: Float[Tensor, "h w"]) -> str:
    """Where in a picture most of an error is."""
    nine = interpolate(error[None, None], (3, 3), mode="area")[0, 0]
    share, k = (nine.flatten() / nine.sum().clamp(min=1e-12)).max(0)
    if float(share) < MOSTLY:
        return "all over"
    both = ROWS[int(k) // 3], COLUMNS[int(k) % 3]
    return f"mostly in the {' '.join(word for word in both if word != 'middle') or 'middle'}"
