"""No guidance, and classifier-free guidance (Ho and Salimans, 2022, arXiv:2207.12598)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overpaint.model import Call, Guide, Line
from overpaint.network import Text
from overpaint.path import Prediction


def at(text: Text | Sequence[Text], i: int) -> Text:
    """The text of one step, where there is one for each."""
    return text if isinstance(text, Text) else text[i]


def rows_at(scale: float) -> int:
    """Rows that `CFG` asks for at a scale where no control names one."""
    return 1 if scale == 1 else 2


@dataclass(frozen=True)
class Plain(Guide):
    """The conditional prediction as it is: one row."""

    text: Text

    def lines(self, i: int) -> Sequence[Line]:
        """The conditional row."""
        return [Line("+", self.text)]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """The row's own prediction."""
        return own["+"]


@dataclass(frozen=True)
class CFG(Guide):
    """``eps = eps_null + scale * (eps_text - eps_null)``; either text may differ at every step.

    At scale 1 that is ``eps_text``, and the other row is asked for only where a control names it.
    """

    text: Text | Sequence[Text]
    null: Text | Sequence[Text]
    scale: float = 7.5

    @property
    def idle(self) -> frozenset[str]:
        """At scale 1 the row without the prompt."""
        return frozenset("-") if self.scale == 1 else frozenset()

    def lines(self, i: int) -> Sequence[Line]:
        """The row without the prompt and the row with it."""
        return [Line("-", at(self.null, i)), Line("+", at(self.text, i))]

    def combine(self, own: Mapping[str, Prediction], call: Call) -> Prediction:
        """From the unguided prediction through the guided one and beyond."""
        return own["-"].toward(own["+"], self.scale) if "-" in own else own["+"]
