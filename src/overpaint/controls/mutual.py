"""Mutual self-attention: the target asks with its own queries, the source answers.

Cao et al., "MasaCtrl: Tuning-Free Mutual Self-Attention Control for Consistent Image Synthesis and Editing",
ICCV 2023, arXiv:2304.08465.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor

from overpaint.attention import Control, Heads, Moment, Site
from overpaint.controls.rows import put

Cells = Bool[Tensor, " cells"]
"""The cells of a layer's map, row by row: those of a thing."""
Split = Callable[[Site, Moment], tuple[Cells, Cells] | None]
"""Where a thing is at a layer, in the source and in the target; nothing where that is not known."""


@dataclass(eq=False)
class Mutual(Control):
    """One row of the target takes the source's keys and values: ``softmax(Q_tgt K_src^T) V_src``.

    The target's layout stays, for queries ask from where they are; what is drawn there is the source's. With
    a ``split``, cells inside the thing ask cells inside it, and those outside ask outside (equations 6 to 8
    of the paper). Where the source has no cell on one side, all of them are asked.
    """

    start: int
    """The first step: the target's layout forms in those before."""
    layer: int
    """The first layer, in order of execution: earlier ones decide the layout."""
    source: str = "src+"
    """The role that is asked."""
    target: str = "tgt+"
    """The role that asks."""
    split: Split | None = None
    seen: frozenset[str] = frozenset()
    """The roles from whose maps the split is made."""
    _held: dict[str, tuple[Heads, Heads, Heads]] = field(
        default_factory=dict[str, tuple[Heads, Heads, Heads]], init=False, repr=False
    )

    def __post_init__(self) -> None:
        self.reads, self.writes = self.seen | {self.source, self.target}, frozenset({self.target})

    def where(self, site: Site) -> bool:
        """Self-attention layers from the first one on."""
        return site.kind == "self" and site.nth >= self.layer

    def when(self, at: Moment) -> bool:
        """Steps from the first one on."""
        return at.step >= self.start

    def qkv(self, site: Site, at: Moment, q: Heads, k: Heads, v: Heads) -> tuple[Heads, Heads, Heads]:
        """The source's keys and values for the target, which keeps its queries."""
        (source,), (target,) = at.of(self.source), at.of(self.target)
        keys, values = k[source : source + 1], v[source : source + 1]
        if self.split is not None:
            self._held[site.name] = q[target : target + 1], keys, values
        return q, put(k, [target], keys), put(v, [target], values)

    def out(self, site: Site, at: Moment, o: Tensor) -> Tensor:
        """The target's product anew, inside and outside by itself, where it is known what is inside."""
        if self.split is None:
            return o
        held, parts = self._held.pop(site.name), self.split(site, at)
        return o if parts is None else put(o, at.of(self.target), apart(*held, *parts))


def apart(q: Heads, k: Heads, v: Heads, source: Cells, target: Cells) -> Heads:
    """Attention of cells inside to cells inside, and outside to outside."""
    made = torch.empty_like(q)
    for keys, queries in ((source, target), (~source, ~target)):
        keys = keys if keys.any() else torch.ones_like(keys)
        made[..., queries, :] = F.scaled_dot_product_attention(
            q[..., queries, :], k[..., keys, :], v[..., keys, :]
        )
    return made
