"""What each kind of side network is, costs and can be told: what cards are for methods."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from overpaint.attention import Moment
from overpaint.card import Paper
from overpaint.sides.controlnet import CONTROLNET, inside
from overpaint.sides.file import Kind
from overpaint.sides.options import Control
from overpaint.sides.t2i_adapter import T2I_ADAPTER, speaks

EVERY = frozenset({"net", "picture", "scale", "start", "stop"})
"""What can be set of any."""


@dataclass(frozen=True)
class SideCard:
    """One kind of side network."""

    title: str
    """Behind "this is"."""
    idea: str
    paper: Paper
    takes: frozenset[str]
    """Options that do something, beside those of every kind."""
    speaks: Callable[[Control, Moment], bool]
    """Whether a step lies within the share of them in which it does."""
    once: bool
    """Whether it runs once a picture; otherwise once for each row that it speaks to."""
    free: bool = False
    """Whether its picture may have another shape than the one that is edited."""

    def rows(self, rows: int) -> int:
        """The most rows of it that so many rows of the main network cost."""
        return min(rows, 1) if self.once else rows

    def idle(self, how: Control) -> list[str]:
        """What was set and could not act."""
        fields = type(how).model_fields
        return [
            name
            for name in fields
            if name not in EVERY | self.takes and getattr(how, name) != fields[name].default
        ]


CARDS: Mapping[Kind, SideCard] = {
    "controlnet": SideCard(
        "a ControlNet",
        "A copy of the encoder sees latent, prompt and condition, and is added to the skips and the middle.",
        CONTROLNET,
        frozenset({"guess", "layers", "only_mid", "text"}),
        inside,
        once=False,
    ),
    "t2i-adapter": SideCard(
        "a T2I-Adapter",
        "A small network sees the condition alone, and is added inside the encoder.",
        T2I_ADAPTER,
        frozenset({"layers", "rounding"}),
        speaks,
        once=True,
    ),
    "style-adapter": SideCard(
        "a style adapter",
        "What CLIP sees in a picture is made into words, which are read behind the prompt.",
        T2I_ADAPTER,
        frozenset({"clip", "rounding"}),
        speaks,
        once=True,
        free=True,
    ),
}
