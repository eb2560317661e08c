"""Values of their own: what a word brings is changed, where it is looked at is not."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.attention import Control, Moment, Site
from overpaint.controls.rows import put


@dataclass(eq=False)
class ScaledValues(Control):
    """The values of one role come of a text that is scaled and shifted, its keys of the text itself.

    With ``c`` the text, ``a`` and ``b`` those of the step, every cross-attention layer takes its values from
    ``a * c + b`` (arXiv:2303.15649). In calls where nobody plays the role there is nothing to do.
    """

    scale: Float[Tensor, "steps tokens width"]
    shift: Float[Tensor, "steps tokens width"]
    role: str
    share: float = 1.0
    """The share of the steps from the first one on; as published, a step that the share cuts counts."""

    def __post_init__(self) -> None:
        self.reads = self.writes = frozenset({self.role})

    def where(self, site: Site) -> bool:
        """Every cross-attention layer."""
        return site.kind == "cross"

    def when(self, at: Moment) -> bool:
        """While the share lasts, in calls that have the role."""
        return self.role in at.rows and at.step < at.steps * self.share

    def values(self, site: Site, at: Moment, states: Tensor) -> Tensor:
        """The role's text, scaled and shifted in float32 at least."""
        (row,) = at.of(self.role)
        wide = torch.promote_types(states.dtype, torch.float32)
        mine = states[row : row + 1].to(wide) * self.scale[at.step] + self.shift[at.step]
        return put(states, [row], mine.to(states.dtype))
