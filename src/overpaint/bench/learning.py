"""Which signals tell a good edit without its answer, and the score learned from edits whose answer is known.

The cases of a benchmark fall into two halves, every other case of each type; all edits of a case are in the
same half. What the score is worth is measured by halves: each half is judged by what was learned from the
other. So is every single signal, which needs no learning. Areas under the curve are against true success,
with the middle 95 % of samples drawn from the cases again. The score itself is then learned from all cases.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from overpaint.bench.results import row_key
from overpaint.bench.table import grid, mean
from overpaint.bench.usual import Came, Tally
from overpaint.choosing.choices import odds
from overpaint.choosing.early import ON_THE_WAY
from overpaint.choosing.score import EXPECTED, Bin, Score, area, fit, scaled
from overpaint.choosing.signals import SIGNALS
from overpaint.errors import UsageError

Line = Mapping[str, Any]
FREE = ("clip", "direction", "structure")
"""Figures of the benchmark that need no true answer: of the towers of CLIP and of the structure."""
DRAWS, BINS, FEWEST = 500, 8, 40
LOW, HIGH = 2.5, 97.5
LEARNED = "the learned score"
SAME = "same picture"
"""In place of a type: how well it is told which of several edits of one picture came off."""
NEITHER = ("changed_there", "region")
"""Signals of which neither more nor less is better: they are judged, but none is learned from."""
NEWEST = "rival"
"""A signal that edits have which were looked at by code of today."""
TOLD = "telling"
"""What a line says its signals were found by; empty where it does not."""


@dataclass(frozen=True)
class Edit:
    """An edit as learning sees it."""

    case: str
    kind: str
    told: Mapping[str, float]
    came: bool
    seconds: float = 0.0
    rows: float = 0.0
    row: str = ""
    """The method with its options, as one word."""

    @property
    def half(self) -> int:
        """Every other case of a type is in the same half."""
        return int(self.case.rpartition("-")[2]) % 2

    @property
    def counted(self) -> Came:
        """How it counts among others."""
        return Came(self.row, self.kind, self.came)


@dataclass(frozen=True)
class Area:
    """An area under the curve with its interval."""

    value: float
    low: float
    high: float
    edits: int


@dataclass(frozen=True)
class Learned:
    """A score, and what it and every single signal are worth on edits it was not learned from."""

    score: Score
    areas: Mapping[str, Mapping[str, Area]] = field(default_factory=dict[str, Mapping[str, Area]])
    """By signal, then by type of edit; ``all`` and `SAME` are among them."""


@dataclass(frozen=True, eq=False)
class Taught:
    """What edits taught: weights of their signals, and how often methods come off."""

    names: tuple[str, ...]
    means: Sequence[float]
    spreads: Sequence[float]
    weights: Sequence[float]
    tally: Tally

    def chances(self, given: Sequence[Edit]) -> list[float]:
        """What it says of other edits."""
        return chance(
            table(given, self.names, usual(self.tally, given)), self.means, self.spreads, self.weights
        )

    def own(self, given: Sequence[Edit]) -> list[float]:
        """What it says of the edits that taught it; of each case without counting how that came out."""
        found = table(given, self.names, usual_elsewhere(self.tally, given))
        return chance(found, self.means, self.spreads, self.weights)


def teach(given: Sequence[Edit]) -> Taught:
    """Learn from edits: a logistic regression over their signals and what is usual of their methods."""
    names = tuple(
        name for name in SIGNALS if name not in NEITHER and all(name in edit.told for edit in given)
    )
    tally = Tally(edit.counted for edit in given)
    rows = table(given, names, usual_elsewhere(tally, given))
    return Taught(names, *fit(rows, [edit.came for edit in given]), tally)


def usual(tally: Tally, given: Sequence[Edit]) -> list[float]:
    """The odds of each edit by its method and type alone."""
    return [odds(tally.usual(edit.row, edit.kind)) for edit in given]


def usual_elsewhere(tally: Tally, given: Sequence[Edit]) -> list[float]:
    """The same from other cases than its own: an edit must not be told how it came out."""
    by_case = dict[str, list[Came]]()
    for edit in given:
        by_case.setdefault(edit.case, []).append(edit.counted)
    others = {case: tally.less(own) for case, own in by_case.items()}
    return [odds(others[edit.case].usual(edit.row, edit.kind)) for edit in given]


def edits(lines: Sequence[Line]) -> list[Edit]:
    """The edits among lines of results: no references, no failures, nothing without signals of today."""
    return [
        edit_of(line)
        for line in lines
        if not line.get("reference") and "error" not in line and NEWEST in line.get("signals", {})
    ]


def told_by(lines: Sequence[Line]) -> str:
    """What the signals of edits were found by.

    Raises:
        UsageError: those of some by other code than those of others.
    """
    found = {str(line.get(TOLD, "")) for line in lines if edits([line])}
    if len(found) > 1:
        raise UsageError(
            "The signals of the results were found by several versions of the code; find them anew with: "
            "overpaint bench signals."
        )
    return "".join(found)


def edit_of(line: Line) -> Edit:
    """A line as an edit."""
    figures = line["figures"]
    told = {**line["signals"], **{name: float(figures[name]) for name in FREE if name in figures}}
    work = float(figures.get("seconds", 0)), float(figures.get("rows", 0))
    return Edit(str(line["case"]), str(line["type"]), told, bool(figures["success"]), *work, row_key(line))


def learn(lines: Sequence[Line]) -> Learned:
    """Learn the score of a model from the results of its edits.

    Raises:
        UsageError: too few edits, edits of several models, or all of them came off, or none did.
    """
    found = edits(lines)
    models, codes = ({str(line[name]) for line in lines} for name in ("model", "code"))
    if len(models) > 1 or len(codes) > 1:
        raise UsageError(
            "The results are of several models or versions of the code; keep those of one in a folder of "
            "their own."
        )
    halves = [[edit for edit in found if edit.half == half] for half in (0, 1)]
    if min(map(len, halves)) < FEWEST or any(len({edit.came for edit in half}) < 2 for half in halves):
        raise UsageError(
            f"There are {len(found)} edits to learn from; make at least {2 * FEWEST}, of which some came off "
            "and some did not, and find their signals with: overpaint bench signals."
        )
    found, telling = [*halves[0], *halves[1]], told_by(lines)
    chances = [*teach(halves[1]).chances(halves[0]), *teach(halves[0]).chances(halves[1])]
    whole = teach(found)
    names = (*SIGNALS, *ON_THE_WAY, *FREE)
    by_name = {name: [edit.told.get(name, np.nan) for edit in found] for name in names}
    by_name[EXPECTED] = [*usual(teach(halves[1]).tally, halves[0]), *usual(teach(halves[0]).tally, halves[1])]
    worth = {name: by_type(found, values) for name, values in ((LEARNED, chances), *by_name.items())}
    areas = {name: by for name, by in worth.items() if by}
    every = areas[LEARNED]["all"]
    score = Score(
        model=models.pop(),
        code=codes.pop(),
        telling=telling,
        cases=len(found),
        names=(*whole.names, EXPECTED),
        means=tuple(whole.means),
        spreads=tuple(whole.spreads),
        weights=tuple(whole.weights),
        auc=every.value,
        auc_low=every.low,
        auc_high=every.high,
        bins=tuple(bins(chances, [edit.came for edit in found])),
    )
    return Learned(score, areas)


def table(given: Sequence[Edit], names: Sequence[str], expected: Sequence[float]) -> NDArray[np.float64]:
    """Signals of edits as rows, what is usual last."""
    rows = [[edit.told[name] for name in names] for edit in given]
    return np.asarray([[*row, one] for row, one in zip(rows, expected, strict=True)], float)


def chance(
    given: NDArray[np.float64], means: Sequence[float], spreads: Sequence[float], weights: Sequence[float]
) -> list[float]:
    """What a regression says of rows of signals."""
    x = scaled(given, np.asarray(means), np.asarray(spreads))
    return (1 / (1 + np.exp(-(x @ np.asarray(weights[:-1]) + weights[-1])))).tolist()


def by_type(given: Sequence[Edit], values: Sequence[float]) -> dict[str, Area]:
    """The area of a signal over all edits and over those of each type that has successes and failures."""
    found = dict[str, Area]()
    for kind in ("all", SAME, *dict.fromkeys(edit.kind for edit in given)):
        every = kind in ("all", SAME)
        there = [
            k for k, edit in enumerate(given) if (every or kind == edit.kind) and not np.isnan(values[k])
        ]
        worth = within if kind == SAME else interval
        one = worth([given[k] for k in there], [values[k] for k in there])
        found |= {} if one is None else {kind: one}
    return found


def within(given: Sequence[Edit], values: Sequence[float]) -> Area | None:
    """The mean over cases of the area among the edits of each; nothing where none has both kinds."""
    by_case = dict[str, list[int]]()
    for k, edit in enumerate(given):
        by_case.setdefault(edit.case, []).append(k)
    areas = [area([values[k] for k in there], [given[k].came for k in there]) for there in by_case.values()]
    told = [one for one in areas if one is not None]
    if not told:
        return None
    found = mean(told)
    return Area(found.value, found.low, found.high, len(given))


def interval(given: Sequence[Edit], values: Sequence[float]) -> Area | None:
    """The area over some edits; cases are drawn again with all of their edits."""
    whole = area(values, [edit.came for edit in given])
    if whole is None:
        return None
    cases = list(dict.fromkeys(edit.case for edit in given))
    number = {case: n for n, case in enumerate(cases)}
    of = np.asarray([number[edit.case] for edit in given])
    places: list[NDArray[np.intp]] = [np.flatnonzero(of == n) for n in range(len(cases))]
    scores, came = np.asarray(values, float), np.asarray([edit.came for edit in given], bool)
    rng, drawn = np.random.default_rng(0), list[float]()
    for _ in range(DRAWS):
        chosen = np.concatenate([places[int(n)] for n in rng.integers(0, len(cases), len(cases))])
        one = area(scores[chosen], came[chosen])
        drawn += [] if one is None else [one]
    low, high = np.percentile(drawn, (LOW, HIGH))
    return Area(whole, float(low), float(high), len(given))


def bins(chances: Sequence[float], came: Sequence[bool]) -> Iterator[Bin]:
    """Edits by the chance they were given, in groups of one size."""
    order = np.argsort(chances, kind="stable")
    for group in np.array_split(order, BINS):
        said, good = np.asarray(chances)[group].mean(), np.asarray(came, float)[group].mean()
        yield Bin(said=round(float(said), 4), came=round(float(good), 4), cases=len(group))


def markdown(learned: Learned) -> str:
    """What every signal is worth, overall and by type, and how well the score is calibrated."""
    kinds = list(dict.fromkeys(kind for areas in learned.areas.values() for kind in areas))
    ordered = sorted(learned.areas.items(), key=lambda one: -abs(one[1]["all"].value - 0.5))
    head = ["signal", *(f"{kind} (95 %)" for kind in kinds)]
    rows = [[name, *(shown(areas.get(kind)) for kind in kinds)] for name, areas in ordered]
    said = [[f"{one.said:.2f}", f"{one.came:.2f}", str(one.cases)] for one in learned.score.bins]
    return f"{grid(head, rows)}\n\n{grid(['chance given', 'came off', 'edits'], said)}\n"


def shown(one: Area | None) -> str:
    """A cell."""
    return "" if one is None else f"{one.value:.2f} ({one.low:.2f}-{one.high:.2f})"
