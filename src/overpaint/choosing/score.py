"""The trusted score: how likely an edit came off, learned from edits whose right answer is known.

A logistic regression on the signals, learned by ``overpaint bench learn`` from a folder of results and kept
as data in the package; of other models than the one it was learned with, it says nothing.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from math import exp
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from pydantic import ValidationError

from overpaint.options import Options

DATA = Path(__file__).with_name("score.json")
EXPECTED = "expected"
"""Beside the signals: the odds by method and type alone (`overpaint.choosing.choices`)."""
LIKELY = 0.5
"""The chance below which it is said that an edit probably did not come off."""
FLOORED = 0.05
"""The least standard deviation of a signal that is divided by."""
RIDGE = 10.0
"""What large weights cost, in units of one case."""
ROUNDS = 50
FAR = 4.0
"""Standard deviations beyond which a signal counts no more: what is so far was not learned from."""
Values = Sequence[float] | NDArray[np.float64]
Table = Float[NDArray[np.float64], "cases signals"]


class Bin(Options):
    """Edits to which about the same chance was given, and how many of them came off."""

    said: float
    came: float
    cases: int


class Score(Options):
    """A learned score."""

    model: str
    """The fingerprint of the model that it was learned with."""
    code: str
    """The version of the code."""
    telling: str = ""
    """What its signals were found by (`overpaint.choosing.telling`); empty where that was not kept."""
    cases: int
    """Edits it was learned from."""
    names: tuple[str, ...]
    means: tuple[float, ...]
    spreads: tuple[float, ...]
    weights: tuple[float, ...]
    """One for each signal, then the constant."""
    auc: float
    """Area under the curve by halves: each judged by a score learned from the other."""
    auc_low: float
    auc_high: float
    bins: tuple[Bin, ...] = ()
    """How often edits came off that were given about such a chance by what the other half taught."""

    def of(self, signals: Mapping[str, float]) -> float | None:
        """The chance that an edit with these signals came off; nothing where one of them is missing."""
        if not set(self.names) <= signals.keys():
            return None
        *weights, total = self.weights
        for name, mean, spread, weight in zip(self.names, self.means, self.spreads, weights, strict=True):
            total += weight * max(-FAR, min(FAR, (signals[name] - mean) / spread))
        return 1 / (1 + exp(-max(-30.0, min(30.0, total))))

    def between(self, chance: float) -> tuple[float, float]:
        """The middle 95 % of how often edits came off that were given such a chance (Wilson's interval).

        At both ends of the scale there are few edits with just that chance, and the nearest were given more,
        or less, on average: the interval reaches as far as the chance itself.
        """
        near = [one for one in self.bins if one.cases]
        if not near:
            return 0.0, 1.0
        one = min(near, key=lambda b: abs(b.said - chance))
        low, high = wilson(one.came * one.cases, one.cases)
        return min(low, chance), max(high, chance)

    def told(self, chance: float) -> str:
        """A chance for people, never without its interval."""
        return said(chance, *self.between(chance))


def said(chance: float, low: float, high: float) -> str:
    """A chance and its interval for people."""
    return f"{chance:.0%} ({100 * low:.0f} to {high:.0%})"


def wilson(came: float, cases: int, z: float = 1.96) -> tuple[float, float]:
    """The interval of a share (E. B. Wilson, 1927)."""
    share, more = came / cases, z * z / cases
    middle = (share + more / 2) / (1 + more)
    half = z * ((share * (1 - share) + more / 4) / cases) ** 0.5 / (1 + more)
    return max(0.0, middle - half), min(1.0, middle + half)


@cache
def shipped() -> Score | None:
    """The score that comes with the package, if there is one."""
    return read(DATA)


def read(place: Path) -> Score | None:
    """A score from its file; nothing where there is none that can be read."""
    try:
        return Score.model_validate_json(place.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None


def fit(table: Table, came: Sequence[bool]) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
    """Means, spreads and weights of a logistic regression, with a ridge.

    More of each signal must be better: one that gets a negative weight is left out, and gets none. Edits of
    one picture resemble each other, so that there are fewer cases than it seems to learn subtler things from.
    """
    means, spreads = table.mean(0), np.maximum(table.std(0), FLOORED)
    x = np.hstack([scaled(table, means, spreads), np.ones((len(table), 1))])
    y, kept = np.asarray(came, float), np.ones(x.shape[1], bool)
    while True:
        w = np.zeros(x.shape[1])
        w[kept] = newton(x[:, kept], y)
        wrong = np.append(w[:-1] < 0, False)
        if not wrong.any():
            return means.tolist(), spreads.tolist(), w.tolist()
        kept &= ~wrong


def newton(x: Table, y: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weights of columns, of which the last is constant and costs nothing."""
    w, cost = np.zeros(x.shape[1]), np.diag([RIDGE] * (x.shape[1] - 1) + [1e-6])
    for _ in range(ROUNDS):
        p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
        step = np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + cost, x.T @ (y - p) - cost @ w)
        w = w + step
        if float(np.abs(step).max()) < 1e-9:
            break
    return w


def scaled(table: Table, means: NDArray[np.float64], spreads: NDArray[np.float64]) -> Table:
    """Signals in standard deviations, none farther out than is counted."""
    return np.clip((table - means) / spreads, -FAR, FAR)


def area(scores: Values, success: Sequence[bool] | NDArray[np.bool_]) -> float | None:
    """The area under the curve: how often an edit that came off has more than one that did not, ties half.

    Nothing where all came off, or none.
    """
    values, good = np.asarray(scores, float), np.asarray(success, bool)
    if not good.any() or good.all():
        return None
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (ties.cumsum() - (ties - 1) / 2)[place]  # ties share the mean of their ranks
    came, not_come = int(good.sum()), int((~good).sum())
    return float((ranks[good].sum() - came * (came + 1) / 2) / (came * not_come))
