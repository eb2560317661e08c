"""One row asks with another one's queries: what it looks for is where that one has it."""

from dataclasses import dataclass

from overpaint.attention import Control, Heads, Moment, Site
from overpaint.controls.rows import put


@dataclass(eq=False)
class Asking(Control):
    """In every self-attention layer one row's queries become those of another row."""

    source: str
    """The role whose queries they are."""
    target: str
    """The role that asks with them."""

    def __post_init__(self) -> None:
        self.reads, self.writes = frozenset({self.source, self.target}), frozenset({self.target})

    def where(self, site: Site) -> bool:
        """Every self-attention layer."""
        return site.kind == "self"

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        """The other's queries; keys and values stay."""
        (source,), targets = at.of(self.source), at.of(self.target)
        return put(q, targets, q[source : source + 1]), k, v
