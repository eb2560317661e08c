"""What a method found of where it may change the picture, for people to look at."""

from jaxtyping import Shaped
from torch import Tensor

from overpaint.meter import Meter

MASK = "mask"
"""The name under which the mask of an edit is kept among its maps."""


def of_target(what: str, target: str) -> str:
    """The name of a note or a map about one of several targets; about the first it is the plain one."""
    return what if target == "tgt" else f"{what}:{target}"


def show(meter: Meter, mask: Shaped[Tensor, "*several height width"], target: str = "tgt") -> None:
    """Keep the union of masks as the mask of a target, and note what share of the picture it covers."""
    whole = mask.float().flatten(0, -3).amax(0) if mask.ndim > 2 else mask.float()
    meter.note(of_target(MASK, target), float(whole.mean()))
    meter.maps[of_target(MASK, target)] = whole
