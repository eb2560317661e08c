"""Recording cross-attention: for blending, and for whoever wants to see where a word looks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Control, Maps, Moment, Site
from overpaint.words import Words


def near_side(sites: Iterable[Site], height: int, width: int, side: int = 16) -> frozenset[str]:
    """The cross-attention layers whose maps have the side nearest to ``side``, the middle block left out.

    Height and width are those of the latents. For SD 1 at 64 x 64 these are the five 16 x 16 layers the
    published local blend slices out by number; on other sizes and networks they are their counterparts. Of
    two equally near sides it is the finer one.
    """
    at = Moment(height=height, width=width)
    sides = {s.name: at.side(s) for s in sites if s.kind == "cross" and s.place != "mid"}
    best = min(sides.values(), key=lambda have: (abs(have - side), -have), default=0.0)
    return frozenset(name for name, have in sides.items() if have == best)


@dataclass(eq=False)
class Keep(Control):
    """Adds up cross-attention maps over heads, layers and steps (or those of the latest), one sum a role.

    Pushed after another control it records what that one left, before it what it found. All chosen layers
    must have maps of one size (`near_side`).
    """

    names: frozenset[str]
    """The layers to record."""
    reads: frozenset[str] = frozenset({"src+", "tgt+"})
    """The roles to record."""
    window: Literal["walk", "step"] = "walk"
    """Add up the maps of all steps, or hold those of the latest one alone."""
    since: int = 0
    """The first step that is recorded; before it no maps are formed."""
    sums: dict[str, Tensor] = field(default_factory=dict[str, Tensor], init=False, repr=False)
    counts: dict[str, int] = field(default_factory=dict[str, int], init=False, repr=False)
    held: int | None = field(default=None, init=False, repr=False)
    """The step whose maps are held."""
    needs_probs = True

    def where(self, site: Site) -> bool:
        """The chosen layers."""
        return site.name in self.names

    def when(self, at: Moment) -> bool:
        """From its first step on."""
        return at.step >= self.since

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """Add to the sums; the maps go on unchanged."""
        if self.window == "step" and self.held != at.step:
            self.held = at.step
            self.sums.clear()
            self.counts.clear()
        for role in self.reads:
            for row in at.of(role):
                total = p[row].detach().sum(0).view(*at.canvas(site), p.shape[-1])
                self.sums[role] = self.sums[role] + total if role in self.sums else total
                self.counts[role] = self.counts.get(role, 0) + p.shape[1]
        return p

    def mean(self, role: str) -> Float[Tensor, "height width tokens"]:
        """The maps of a role, averaged over everything recorded so far."""
        return self.sums[role] / self.counts[role]

    def of(self, role: str, places: Sequence[int]) -> Float[Tensor, "height width"]:
        """How much the role looks at these tokens together, cell by cell."""
        return self.mean(role)[..., list(places)].sum(-1)


def word_maps(keep: Keep, words: Words, role: str = "tgt+") -> dict[str, Float[Tensor, "height width"]]:
    """For every word of a prompt the share of attention it got in each cell.

    Averaged over the recorded steps, layers and heads, summed over the word's tokens and places; between 0
    and 1 unless a control re-weighted words.
    """
    return {word: keep.of(role, words.places(word)) for word in dict.fromkeys(words.words)}
