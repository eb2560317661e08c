"""Features of residual blocks: the target takes the source's.

Tumanyan et al., "Plug-and-Play Diffusion Features for Text-Driven Image-to-Image Translation", CVPR 2023,
arXiv:2211.12572.
"""

from dataclasses import dataclass

from torch import Tensor

from overpaint.attention import Control, Moment, Site
from overpaint.controls.replace import SOURCE, within
from overpaint.controls.rows import put
from overpaint.words import Window


@dataclass(eq=False)
class FeatureReplace(Control):
    """What a residual block of the decoder adds to its shortcut becomes the source's, which fixes the layout.

    That is the output of its second convolution; the shortcut, through which the target's own features flow,
    stays.
    """

    window: Window
    """The share of the steps during which it does."""
    layer: int
    """The residual block, counted in the decoder (in the paper 4, of 0 to 11 in Stable Diffusion)."""
    targets: frozenset[str]
    """The roles that take them."""
    source: str = SOURCE
    """The role that gives them."""

    def __post_init__(self) -> None:
        self.reads, self.writes = self.targets | {self.source}, self.targets

    def where(self, site: Site) -> bool:
        """The one block."""
        return site.kind == "conv" and site.place == "up" and site.layer == self.layer

    def when(self, at: Moment) -> bool:
        """From step ``int(steps * a)`` up to ``int(steps * b)``."""
        return within(self.window, at)

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        """The source's for every target."""
        (source,) = at.of(self.source)
        return put(o, at.of(*self.targets), o[source : source + 1])
