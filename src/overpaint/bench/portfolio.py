"""Which methods to try first, learned from results, and what choosing among them would have achieved.

For each type of edit methods are taken one after another: first the one that came off most often, then
always the one that adds most cases in which none before it did. How good that is, is measured by halves:
what was learned on one half of the cases, the score as well, chooses on the other, and the other way round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from overpaint.bench.learning import Edit, Line, chance, edits, table
from overpaint.bench.results import row_key
from overpaint.bench.table import Mean, grid, mean
from overpaint.bench.table import shown as shown_as
from overpaint.bench.variant import CONTROL
from overpaint.choosing.choices import Choice, Choices
from overpaint.choosing.score import fit
from overpaint.choosing.signals import SIGNALS
from overpaint.errors import UsageError

DEPTH = 4
"""Methods kept for each type."""
PRIOR = 4.0
"""Cases of all types that a method's share among those of one type is mixed with."""
CANDIDATES = 3
"""Methods that are tried at most."""
MOST = 3.0
"""What choosing may cost, in edits by the first method."""
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Chances from which on no more is tried, of which the best is learned."""
Cases = Mapping[str, Mapping[str, Edit]]
"""By case and row the edit."""


@dataclass(frozen=True)
class Portfolio:
    """What to try, and what it is worth on cases it was not learned from."""

    choices: Choices
    auto: Mean
    """The share of edits that come off when methods are chosen."""
    cost: float
    """Seconds of all that is tried, in those of the first method."""
    fixed: tuple[str, Mean]
    """The best single method over all types."""
    single: Mean
    """The best single method of each type, were it known: no cases are held back from it."""
    oracle: Mean
    """Choosing by the true answer among all methods."""
    by_type: Mapping[str, tuple[Mean, str, Mean]] = field(default_factory=dict[str, tuple[Mean, str, Mean]])
    """Of each type the chosen, the name of its best single method, and that one."""


def learn_choices(lines: Sequence[Line]) -> Portfolio:
    """Learn from results what to try, and measure it by halves.

    Raises:
        UsageError: there are fewer than two methods with all cases.
    """
    rows, cases = taken(lines)
    if len(rows) < 2:
        raise UsageError("At most one method has all cases, so there is nothing to choose; measure several.")
    halves = [{name: one for name, one in cases.items() if half_of(one) == half} for half in (0, 1)]
    made = {**chosen(halves[0], halves[1]), **chosen(halves[1], halves[0])}
    tried = {kind: order(cases, kind) for kind in kinds(cases)}
    first = next(line for line in lines if row_key(line) in rows)
    learned = Choices(
        model=str(first["model"]),
        code=str(first["code"]),
        cases=len(cases),
        by={kind: tuple(counted(rows[row], cases, kind, row) for row in tried[kind]) for kind in tried},
        enough=enough(cases, tried),
    )
    return summed(learned, rows, cases, made)


def taken(lines: Sequence[Line]) -> tuple[dict[str, Choice], Cases]:
    """The methods that have an edit of every case, and their edits."""
    told = [line for line in lines if not line.get("reference") and not helped(line)]
    by_row = dict[str, dict[str, Edit]]()
    heads = dict[str, Line]()
    for line in told:
        for edit in edits([line]) or failed(line):
            heads.setdefault(row_key(line), line)
            by_row.setdefault(row_key(line), {})[edit.case] = edit
    names = {case for there in by_row.values() for case in there}
    full = {row: there for row, there in by_row.items() if there.keys() == names}
    rows = {row: choice_of(heads[row]) for row in full}
    return rows, {case: {row: there[case] for row, there in full.items()} for case in sorted(names)}


def helped(line: Line) -> bool:
    """Whether a method was given more than picture and prompts, or side networks spoke into it."""
    return bool(line.get("gifts")) or CONTROL in line["said"]


def failed(line: Line) -> list[Edit]:
    """An edit that could not be made: it did not come off, and nothing is known of it."""
    return [Edit(str(line["case"]), str(line["type"]), {}, False)] if "error" in line else []


def choice_of(line: Line) -> Choice:
    """How to ask for a row again."""
    said: dict[str, Any] = dict(line["said"])
    if line["inversion"] and "inversion" in line["options"]:
        said["inversion"] = str(line["inversion"])
    return Choice(method=str(line["method"]), said=said)


def kinds(cases: Cases) -> list[str]:
    """The types of edit, as they came."""
    return list(dict.fromkeys(edit.kind for there in cases.values() for edit in there.values()))


def half_of(there: Mapping[str, Edit]) -> int:
    """Which half a case is in."""
    return next(iter(there.values())).half


def kind_of(there: Mapping[str, Edit]) -> str:
    """The type of a case."""
    return next(iter(there.values())).kind


def order(cases: Cases, kind: str) -> list[str]:
    """What to try on a type: each adds most to those before it."""
    names = list(next(iter(cases.values())))
    tried = list[str]()
    while len(tried) < min(DEPTH, len(names)):
        left = [name for name in names if name not in tried]
        tried.append(max(left, key=lambda name: worth(cases, kind, [*tried, name])))
    return tried


def worth(cases: Cases, kind: str, rows: Sequence[str]) -> float:
    """The share of cases of a type in which one of some methods came off, mixed with that of all types."""
    came = [(kind_of(there), any(there[row].came for row in rows)) for there in cases.values()]
    every = sum(one for _, one in came) / len(came)
    own = [one for of, one in came if of == kind]
    return (sum(own) + PRIOR * every) / (len(own) + PRIOR)


def chances(learned_from: Cases, cases: Cases) -> dict[tuple[str, str], float]:
    """What a score learned from some cases gives the edits of others; nothing to what could not be made."""
    names = tuple(SIGNALS)
    told = [edit for there in learned_from.values() for edit in there.values() if edit.told]
    weights = fit(table(told, names), [edit.came for edit in told])
    judged = [(case, row, edit) for case, there in cases.items() for row, edit in there.items() if edit.told]
    found = chance(table([edit for *_, edit in judged], names), *weights)
    return {(case, row): value for (case, row, _), value in zip(judged, found, strict=True)}


@dataclass(frozen=True)
class Made:
    """What choosing gave in one case."""

    came: bool
    seconds: float
    first: float
    """Seconds of the first that was tried."""


def chosen(learned_from: Cases, cases: Cases) -> dict[str, Made]:
    """Choose in some cases by what others taught."""
    tried = {kind: order(learned_from, kind) for kind in kinds(learned_from)}
    level, by = enough(learned_from, tried), chances(learned_from, cases)
    return {case: one_chosen(case, there, tried, by, level) for case, there in cases.items()}


def one_chosen(
    case: str,
    there: Mapping[str, Edit],
    tried: Mapping[str, Sequence[str]],
    by: Mapping[tuple[str, str], float],
    level: float,
) -> Made:
    """Try methods one after another until one is likely to have come off; the likeliest is given."""
    rows = tried.get(kind_of(there)) or next(iter(tried.values()))
    made = list[str]()
    for row in rows[:CANDIDATES]:
        made.append(row)
        if by.get((case, row), 0.0) >= level:
            break
    best = max(made, key=lambda row: by.get((case, row), 0.0))
    return Made(there[best].came, sum(there[row].seconds for row in made), there[rows[0]].seconds)


def enough(cases: Cases, tried: Mapping[str, Sequence[str]]) -> float:
    """The chance from which on no more need be tried: that with most successes at a bearable cost."""
    by = chances(cases, cases)

    def rated(level: float) -> tuple[bool, float, float]:
        made = [one_chosen(case, there, tried, by, level) for case, there in cases.items()]
        share = sum(one.seconds for one in made) / max(sum(one.first for one in made), 1e-9)
        return share <= MOST, sum(one.came for one in made) / len(made), -share

    return max(LEVELS, key=rated)


def share(cases: Cases, row: str, kind: str | None = None) -> Mean:
    """How often a method came off, in all cases or those of a type."""
    return mean([float(there[row].came) for there in cases.values() if kind in (None, kind_of(there))])


def counted(choice: Choice, cases: Cases, kind: str, row: str) -> Choice:
    """A method with how often it came off."""
    own = share(cases, row, kind)
    return choice.model_copy(update={"came": round(own.value, 3), "cases": own.cases})


def summed(learned: Choices, rows: Mapping[str, Choice], cases: Cases, made: Mapping[str, Made]) -> Portfolio:
    """The figures."""
    fixed = max(rows, key=lambda row: share(cases, row).value)
    best = {
        kind: max(rows, key=lambda row, kind=kind: share(cases, row, kind).value) for kind in kinds(cases)
    }
    by_type = {
        kind: (
            mean([float(made[case].came) for case, there in cases.items() if kind_of(there) == kind]),
            rows[best[kind]].title,
            share(cases, best[kind], kind),
        )
        for kind in best
    }
    spent, first = (sum(getattr(one, name) for one in made.values()) for name in ("seconds", "first"))
    return Portfolio(
        choices=learned,
        auto=mean([float(one.came) for one in made.values()]),
        cost=spent / max(first, 1e-9),
        fixed=(rows[fixed].title, share(cases, fixed)),
        single=mean([float(there[best[kind_of(there)]].came) for there in cases.values()]),
        oracle=mean([float(any(edit.came for edit in there.values())) for there in cases.values()]),
        by_type=by_type,
    )


def markdown(found: Portfolio) -> str:
    """What choosing achieves beside the best single method and the oracle, over all and by type."""
    title, fixed = found.fixed
    rows = [
        ["chosen, by halves", shown(found.auto), f"{found.cost:.2f}"],
        [f"always {title}", shown(fixed), "1.00"],
        ["the best of each type, were it known", shown(found.single), ""],
        ["the best of each case, by its true answer", shown(found.oracle), ""],
    ]
    kinds = [[kind, shown(ours), name, shown(one)] for kind, (ours, name, one) in found.by_type.items()]
    whole = grid(["", "comes off (95 %)", "cost in edits"], rows)
    return f"{whole}\n\n{grid(['type', 'chosen', 'best single method', 'comes off'], kinds)}\n"


def shown(one: Mean) -> str:
    """A share with its interval."""
    return shown_as(one, "success")
