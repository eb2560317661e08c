"""The attention of the latest call as it is, with the graph that led to it: what losses are made of."""

from dataclasses import dataclass, field

from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Control, Maps, Moment, Site


@dataclass(eq=False)
class Latest(Control):
    """Holds the maps of one role in the latest call, layer by layer, every head for itself.

    Unlike `Keep` it adds nothing up and cuts no gradient.
    """

    names: frozenset[str]
    """The layers to look at."""
    role: str = "src+"
    maps: dict[str, Float[Tensor, "heads queries keys"]] = field(
        default_factory=dict[str, Tensor], init=False, repr=False
    )
    needs_probs = True

    def __post_init__(self) -> None:
        self.reads = frozenset({self.role})

    def where(self, site: Site) -> bool:
        """The chosen layers."""
        return site.name in self.names

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """Hold them; they go on unchanged."""
        (row,) = at.of(self.role)
        self.maps[site.name] = p[row]
        return p
