"""A case of a benchmark: what a method is given, and apart from it the answer that only the figures see."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool
from numpy.typing import NDArray

from overpaint.images import Picture
from overpaint.stilllife.scene import Scene

Region = Bool[NDArray[np.bool_], "h w"]
"""True where a picture may change."""
Figures = Mapping[str, float]
"""What is measured of an edit, by name."""
CHANGED = 4
"""Two drawn pictures differ where any channel does by more than so many of its 255 steps."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a case: the source, the true answer where there is one, and where the two differ."""

    source: Picture
    truth: Picture | None = None
    region: Region | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One edit to be judged. A method is shown the source picture and the two prompts, and no more."""

    name: str
    """Unlike that of any other case of its set; results are known by it."""
    kind: str
    """The type of edit, for the breakdown of the table."""
    source_prompt: str
    target_prompt: str
    pictures: Callable[[], Pictures]
    """Draws or reads the pictures, when it is this case's turn."""
    words: str = ""
    """Words whose place may change, as a local blend takes them (``ball=>cube``); nothing where all may."""
    scenes: tuple[Scene, Scene] | None = None
    """What source and true answer were drawn from, where they were drawn."""
    measure: Callable[[Pictures, Picture], Figures] | None = None
    """The figures of an edit, where its set has its own."""
    networks: Mapping[str, str] = field(default_factory=dict[str, str])
    """The networks that these are measured by, with a hash of each."""
    collection: str = ""
    """The set it belongs to, where its name does not say so."""
    mark: str = ""
    """Changes when prompts or pictures do, where its name does not say which they are."""


def differing(source: Picture, truth: Picture) -> Region:
    """Where two pictures of one size truly differ."""
    gap = np.abs(source.rgb.astype(np.int16) - truth.rgb.astype(np.int16))
    return gap.max(2) > CHANGED
