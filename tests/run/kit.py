"""What tests of choosing share: what was learned of the tiny model, made up."""

import pytest
from tests.kit import shared

from overpaint.choosing.choices import Choice, Choices
from overpaint.choosing.score import Score
from overpaint.run import auto

TWO = {"steps": 2}
TRIED = (
    Choice(method="sdedit", said={**TWO, "strength": 0.5}),
    Choice(method="ddim", said=TWO),
    Choice(method="sdedit", said={**TWO, "strength": 1.0}),
)


def learned(
    monkeypatch: pytest.MonkeyPatch,
    *tried: Choice,
    enough: float = 1.1,
    level: float = 0.0,
    early: float | None = None,
    together: bool = False,
    told_by: str = "",
    **weights: float,
) -> None:
    """Let it be known of the tiny model what to try, and what tells that an edit came off."""
    model = shared().fingerprint
    known = Choices(
        together=together,
        model=model,
        code="c",
        cases=9,
        by={"object": tried or TRIED},
        telling=told_by,
        enough=enough,
        early=early,
    )
    one = (1.0,) * len(weights)
    score = Score(
        model=model,
        telling=told_by,
        code="c",
        cases=9,
        auc=0.9,
        auc_low=0.8,
        auc_high=1.0,
        names=tuple(weights),
        means=tuple(0 * x for x in one),
        spreads=one,
        weights=(*weights.values(), level),
    )
    monkeypatch.setattr(auto, "shipped_choices", lambda: known)
    monkeypatch.setattr(auto, "shipped_score", lambda: score)
