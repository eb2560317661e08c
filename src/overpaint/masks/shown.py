"""What a method found of where it may change the picture, for people to look at."""

from jaxtyping import Shaped
from torch import Tensor

from overpaint.meter import Meter

MASK = "mask"
"""The name under which the mask of an edit is kept among its maps."""


def show(meter: Meter, mask: Shaped[Tensor, "*several height width"]) -> None:
    """Keep the union of masks as the mask of the edit, and note what share of the picture they cover."""
    whole = mask.float().flatten(0, -3).amax(0) if mask.ndim > 2 else mask.float()
    meter.note(MASK, float(whole.mean()))
    meter.maps[MASK] = whole
