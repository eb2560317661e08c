"""The two replacements of Prompt-to-Prompt: the target looks where the source looks.

Hertz et al., "Prompt-to-Prompt Image Editing with Cross Attention Control", ICLR 2023, arXiv:2208.01626.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Control, Heads, Maps, Moment, Site
from overpaint.controls.rows import put
from overpaint.errors import UsageError
from overpaint.words import Alignment, Window, bounds

ROUNDED_UP = 2**0.5
"""By less than this a frame is larger than the square: half of the way to the next map."""
SOURCE, TARGETS = "src+", frozenset({"tgt+"})


@dataclass(eq=False)
class CrossReplace(Control):
    """The target's cross-attention maps become the source's, token by token.

    With the source's maps ``S``, the target's own ``T``, the alignment ``(A, kept)``, a factor ``c`` for
    every target token and the window table ``w`` (0 or 1 by step and token), the new maps are
    ``w * c * (kept * (S A) + (1 - kept) * T) + (1 - w) * T``. As in the published method nothing is
    normalised afterwards (word swap, refinement and re-weighting in section 3.2 of the paper).
    """

    alignment: Alignment
    table: Float[Tensor, "steps tokens"]
    """When each target token follows the source (`overpaint.words.windows`)."""
    factors: Float[Tensor, " tokens"]
    """What the maps of each target token are multiplied by inside its window (`overpaint.words.weights`)."""
    source: str = SOURCE
    """The role that is followed."""
    targets: frozenset[str] = TARGETS
    """The roles that follow it."""
    needs_probs = True

    def __post_init__(self) -> None:
        self.reads, self.writes = self.targets | {self.source}, self.targets
        inside, kept = self.table * self.factors, self.alignment.kept
        # The formula as S (A u) + T v.
        self._parts: tuple[Tensor, ...] = (
            self.alignment.matrix,
            inside * kept,
            inside * (1 - kept) + (1 - self.table),
        )
        # Asking the table at every layer would make an accelerator wait each time.
        self._open = [bool(row.any()) for row in self.table]

    def where(self, site: Site) -> bool:
        """Every cross-attention layer."""
        return site.kind == "cross"

    def when(self, at: Moment) -> bool:
        """While the window of any token is open."""
        return at.step < len(self._open) and self._open[at.step]

    def probs(self, site: Site, at: Moment, p: Maps) -> Maps:
        """Every target's row anew, from the source's and its own."""
        (source,) = at.of(self.source)
        matrix, moved, own = self._parts = tuple(part.to(p) for part in self._parts)
        brought = p[source] @ (matrix * moved[at.step])
        for target in at.of(*self.targets):
            p = put(p, [target], (brought + p[target] * own[at.step])[None])
        return p


def within(window: Window, at: Moment) -> bool:
    """Whether a window is open at this step."""
    return at.step in opened(window, at.steps)


def opened(window: Window, steps: int) -> range:
    """The steps at which a window is open: from ``int(steps * a)`` up to ``int(steps * b)``."""
    return range(*(int(steps * share) for share in bounds(window)))


def in_frame(limit: int, square: float, height: int, width: int) -> int:
    """A limit that is stated for latents of a square, for latents of a frame of about its area.

    The frame of a picture that is no square is rounded up at both sides, so all its maps are a little larger:
    each by the same share, which leaves the next larger one of the square beyond the limit.
    """
    larger = (height * width) ** 0.5 / square
    return int(limit * larger) + 1 if 1 < larger < ROUNDED_UP else limit


def check_held(sites: Iterable[Site], limit: int, height: int, width: int) -> None:
    """Refuse a limit below every map, which would hold no layout; height and width are those of the latents.

    Raises:
        UsageError: it is.
    """
    at = Moment(height=height, width=width)
    least = min((at.side(site) for site in sites if site.kind == "self"), default=0.0)
    if least > limit:
        raise UsageError(
            f"The smallest map of the layout has a side of {least:.0f} here, more than self_limit allows, so "
            "none would be held; give a larger one, or self_replace=0."
        )


@dataclass(eq=False)
class SelfReplace(Control):
    """The target's self-attention maps become the source's where maps are small: layout travels in them.

    The source's queries and keys take the place of the target's, which gives the same map without forming it.
    """

    window: Window
    """The share of the steps during which the layout is held."""
    limit: int = 32
    """The largest side, in cells, of a map that is replaced (16 in the first published code)."""
    source: str = SOURCE
    """The role that is followed."""
    targets: frozenset[str] = TARGETS
    """The roles that follow it."""
    layer: int | None = None
    """The first layer of the decoder where they are; nothing for the whole network."""

    def __post_init__(self) -> None:
        self.reads, self.writes = self.targets | {self.source}, self.targets

    def where(self, site: Site) -> bool:
        """Self-attention layers; which maps are small enough depends on the picture."""
        decoder = site.place == "up" and site.layer >= (self.layer or 0)
        return site.kind == "self" and (decoder or self.layer is None)

    def when(self, at: Moment) -> bool:
        """From step ``int(steps * a)`` up to ``int(steps * b)``."""
        return within(self.window, at)

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        """The source's queries and keys for both; each keeps its values."""
        if at.side(site) > self.limit:
            return q, k, v
        (source,), targets = at.of(self.source), at.of(*self.targets)
        return put(q, targets, q[source : source + 1]), put(k, targets, k[source : source + 1]), v
