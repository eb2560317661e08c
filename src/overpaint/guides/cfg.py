"""No guidance, and classifier-free guidance (Ho and Salimans, 2022, arXiv:2207.12598)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overpaint.model import Guide, Line, Text
from overpaint.path import Latent, Prediction


@dataclass(frozen=True)
class Plain:
    """The conditional prediction as it is: one row."""

    text: Text

    def begin(self) -> Guide:
        """Itself: it has no memory."""
        return self

    def lines(self, i: int) -> Sequence[Line]:
        """The conditional row."""
        return [Line("+", self.text)]

    def combine(
        self, own: Mapping[str, Prediction], call: Mapping[str, Prediction], x: Latent, i: int
    ) -> Prediction:
        """The row's own prediction."""
        return own["+"]


@dataclass(frozen=True)
class CFG:
    """``eps = eps_null + scale * (eps_text - eps_null)``; the null text may differ at every step."""

    text: Text
    null: Text | Sequence[Text]
    scale: float = 7.5

    def begin(self) -> Guide:
        """Itself: it has no memory."""
        return self

    def lines(self, i: int) -> Sequence[Line]:
        """The row without the prompt and the row with it."""
        null = self.null if isinstance(self.null, Text) else self.null[i]
        return [Line("-", null), Line("+", self.text)]

    def combine(
        self, own: Mapping[str, Prediction], call: Mapping[str, Prediction], x: Latent, i: int
    ) -> Prediction:
        """From the unguided prediction through the guided one and beyond."""
        return own["-"].toward(own["+"], self.scale)
