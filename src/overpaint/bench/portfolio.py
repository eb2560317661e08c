"""Which methods to try first, learned from results, and what choosing among them would have achieved.

Two ways are measured, and one is learned. One after another: first the method that came off most
often, then always the one with which choosing by the score gains most, until the score says that one came
off. Together: a few methods, the same for all types, all of whose edits are made; the one most like the
others is given (`overpaint.choosing.agreement`); that always costs all of them, so it has to be clearly
better. How good that is, is measured by halves: what was learned on one half of the cases, the score as
well, chooses on the other, and the other way round.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt

from overpaint.bench.agreeing import Apart, agreed, best_few
from overpaint.bench.learning import Edit, Line, Taught, edits, teach, told_by
from overpaint.bench.results import row_key
from overpaint.bench.table import Mean, grid, mean
from overpaint.bench.table import shown as shown_as
from overpaint.bench.variant import CONTROL
from overpaint.choosing.agreement import FEWEST
from overpaint.choosing.choices import Choice, Choices, choice_of
from overpaint.choosing.early import EARLY, SHARE
from overpaint.choosing.score import LIKELY
from overpaint.choosing.signals import ROWS
from overpaint.errors import UsageError

DEPTH = 4
"""Methods kept for each type."""
PRIOR = 20.0
"""Cases of all types that a share among those of one is mixed with: ten of a type in a half tell little."""
CANDIDATES = 3
"""Methods that are tried at most."""
MOST = 3.0
"""What choosing may cost, in edits by the first method."""
GOOD, HALF = 0.85, 0.5
"""The share of cases that should come off, and of the way to the choice by true answers."""
LOST = 0.05
"""The share of edits that come off which an early look may give up."""
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
    """Rows of the network for all that is tried and for looking at it, in those of the first method."""
    fixed: tuple[str, Mean]
    """The best single method over all types."""
    single: Mean
    """The best single method of each type, were it known: no cases are held back from it."""
    oracle: Mean
    """Choosing by the true answer among all methods."""
    doubted: Mean | None = None
    """Of the edits that were said to have failed, the share that did."""
    caught: Mean | None = None
    """Of the edits that failed, the share of which that was said."""
    by_type: Mapping[str, tuple[Mean, str, Mean]] = field(default_factory=dict[str, tuple[Mean, str, Mean]])
    """Of each type the chosen, the name of its best single method, and that one."""


def learn_choices(lines: Sequence[Line], known: Apart | None = None) -> Portfolio:
    """Learn from results what to try, and measure it by halves; ``known`` is how like edits are.

    Raises:
        UsageError: there are fewer than two methods with all cases.
    """
    rows, cases = taken(lines)
    if len(rows) < 2:
        raise UsageError("At most one method has all cases, so there is nothing to choose; measure several.")
    halves = [{name: one for name, one in cases.items() if half_of(one) == half} for half in (0, 1)]
    ways = {False: {**chosen(halves[0], halves[1]), **chosen(halves[1], halves[0])}}
    if known and len(rows) >= FEWEST:
        ways[True] = {**settled(halves[0], halves[1], known), **settled(halves[1], halves[0], known)}
    together = True in ways and clearly(ways[True], ways[False])
    few = best_few(cases, known or {}) if together else ()
    taught = taught_by(cases)
    by = chances(taught, cases, own=True)
    tried = {kind: few or order(cases, kind, by) for kind in kinds(cases)}
    first = next(line for line in lines if row_key(line) in rows)
    learned = Choices(
        model=str(first["model"]),
        code=str(first["code"]),
        telling=told_by(lines),
        cases=len(cases),
        by={kind: tuple(counted(rows[row], cases, kind, row) for row in tried[kind]) for kind in tried},
        enough=enough(cases, tried, by),
        early=None if together else early_level(cases),
        together=together,
        usual=taught.tally.table({row: choice.title for row, choice in rows.items()}),
    )
    return summed(learned, rows, cases, ways[together])


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
    return (
        [Edit(str(line["case"]), str(line["type"]), {}, False, row=row_key(line))] if "error" in line else []
    )


def kinds(cases: Cases) -> list[str]:
    """The types of edit, as they came."""
    return list(dict.fromkeys(edit.kind for there in cases.values() for edit in there.values()))


def half_of(there: Mapping[str, Edit]) -> int:
    """Which half a case is in."""
    return next(iter(there.values())).half


def kind_of(there: Mapping[str, Edit]) -> str:
    """The type of a case."""
    return next(iter(there.values())).kind


def order(cases: Cases, kind: str, by: Mapping[tuple[str, str], float]) -> list[str]:
    """What to try on a type: each adds most to those before it, where the score chooses among them."""
    names = list(next(iter(cases.values())))
    tried = list[str]()
    while len(tried) < min(DEPTH, len(names)):
        left = [name for name in names if name not in tried]
        tried.append(max(left, key=lambda name: worth(cases, kind, [*tried, name], by)))
    return tried


def worth(cases: Cases, kind: str, rows: Sequence[str], by: Mapping[tuple[str, str], float]) -> float:
    """The share of cases of a type in which the likeliest of some methods came off, mixed with all types'."""
    came = list[tuple[str, bool]]()
    for case, there in cases.items():
        came.append((kind_of(there), there[likeliest(case, rows, by)].came))
    every = sum(one for _, one in came) / len(came)
    own = [one for of, one in came if of == kind]
    return (sum(own) + PRIOR * every) / (len(own) + PRIOR)


def likeliest(case: str, rows: Sequence[str], by: Mapping[tuple[str, str], float]) -> str:
    """Of some methods the one whose edit of a case the score takes."""
    return max(rows, key=lambda row: by.get((case, row), 0.0))


def chances(taught: Taught, cases: Cases, own: bool = False) -> dict[tuple[str, str], float]:
    """What a score gives the edits of some cases, its own or others; nothing to what could not be made."""
    judged = [(case, row, edit) for case, there in cases.items() for row, edit in there.items() if edit.told]
    given = [edit for *_, edit in judged]
    found = taught.own(given) if own else taught.chances(given)
    return {(case, row): value for (case, row, _), value in zip(judged, found, strict=True)}


def taught_by(cases: Cases) -> Taught:
    """The score that some cases teach."""
    return teach([edit for there in cases.values() for edit in there.values() if edit.told])


@dataclass(frozen=True)
class Made:
    """What choosing gave in one case."""

    came: bool
    work: float
    first: float
    """The work of the first that was tried."""
    chance: float = 1.0
    """That it came off, as the score says."""


def chosen(learned_from: Cases, cases: Cases) -> dict[str, Made]:
    """Choose in some cases by what others taught."""
    taught = taught_by(learned_from)
    known = chances(taught, learned_from, own=True)
    tried = {kind: order(learned_from, kind, known) for kind in kinds(learned_from)}
    level, by = enough(learned_from, tried, known), chances(taught, cases)
    early = early_level(learned_from)
    return {case: one_chosen(case, there, tried, by, level, early) for case, there in cases.items()}


def settled(learned_from: Cases, cases: Cases, known: Apart) -> dict[str, Made]:
    """Make the edits of a few methods, which other cases taught, and give the one most like the rest."""
    few, by = best_few(learned_from, known), chances(taught_by(learned_from), cases)
    found = dict[str, Made]()
    for case, there in cases.items():
        row, spent = agreed(few, known.get(case, {})), sum(work(there[row]) for row in few)
        found[case] = Made(there[row].came, spent, there[few[0]].rows, by.get((case, row), 0.0))
    return found


def one_chosen(
    case: str,
    there: Mapping[str, Edit],
    tried: Mapping[str, Sequence[str]],
    by: Mapping[tuple[str, str], float],
    level: float,
    early: float | None = None,
) -> Made:
    """Try methods one after another until one is likely to have come off; the likeliest is given.

    One that looks bad early is given up, if there is another one.
    """
    rows = (tried.get(kind_of(there)) or next(iter(tried.values())))[:CANDIDATES]
    made, spent = list[str](), 0.0
    for row in rows:
        if (made or row != rows[-1]) and early is not None and there[row].told.get(EARLY, early) < early:
            spent += SHARE * there[row].rows
            continue
        spent += work(there[row])
        made.append(row)
        if by.get((case, row), 0.0) >= level:
            break
    best = likeliest(case, made, by)
    return Made(there[best].came, spent, there[rows[0]].rows, by.get((case, best), 0.0))


def early_level(cases: Cases) -> float | None:
    """What an early look must find so that few of the edits that come off are given up; none if unseen."""
    good = sorted(
        edit.told[EARLY]
        for there in cases.values()
        for edit in there.values()
        if edit.came and EARLY in edit.told
    )
    return good[int(LOST * len(good))] if len(good) > 1 / LOST else None


def work(edit: Edit) -> float:
    """Rows of the network that an edit takes, looking at it included: a busy machine changes no rows."""
    return edit.rows + ROWS


def clearly(one: Mapping[str, Made], other: Mapping[str, Made]) -> bool:
    """Whether one way of choosing is better by more than chance, on the same cases (two standard errors)."""
    pairs = [(one[case].came, other[case].came) for case in one]
    won, lost = (sum(mine is here and theirs is not here for mine, theirs in pairs) for here in (True, False))
    return won - lost > 2 * sqrt(won + lost)


def enough(cases: Cases, tried: Mapping[str, Sequence[str]], by: Mapping[tuple[str, str], float]) -> float:
    """The chance from which on no more need be tried: that with most successes at a bearable cost."""
    early = early_level(cases)

    def rated(level: float) -> tuple[bool, float, float]:
        made = [one_chosen(case, there, tried, by, level, early) for case, there in cases.items()]
        share = sum(one.work for one in made) / max(sum(one.first for one in made), 1e-9)
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
    spent, first = (sum(getattr(one, name) for one in made.values()) for name in ("work", "first"))
    return Portfolio(
        choices=learned,
        auto=mean([float(one.came) for one in made.values()]),
        cost=spent / max(first, 1e-9),
        fixed=(rows[fixed].title, share(cases, fixed)),
        single=mean([float(there[best[kind_of(there)]].came) for there in cases.values()]),
        oracle=mean([float(any(edit.came for edit in there.values())) for there in cases.values()]),
        by_type=by_type,
        doubted=mean_of([not one.came for one in made.values() if one.chance < LIKELY]),
        caught=mean_of([one.chance < LIKELY for one in made.values() if not one.came]),
    )


def mean_of(those: Sequence[bool]) -> Mean | None:
    """The share of them; nothing of none."""
    return mean([float(one) for one in those]) if those else None


@dataclass(frozen=True)
class Goal:
    """Something that choosing should achieve, and what it achieved."""

    wanted: str
    found: str
    met: bool


def goals(found: Portfolio) -> list[Goal]:
    """What choosing should achieve by halves."""
    title, fixed = found.fixed
    lost = [kind for kind, (ours, _, one) in found.by_type.items() if ours.value < one.value]
    way = (found.auto.value - fixed.value) / max(found.oracle.value - fixed.value, 1e-9)
    gain = found.auto.value - fixed.value
    return [
        Goal(f"comes off in {GOOD:.0%} of cases", f"{found.auto.value:.1%}", found.auto.value >= GOOD),
        Goal(
            f"above always {title} by more than its interval",
            f"{100 * gain:+.1f} points; the interval is {100 * (fixed.high - fixed.value):.1f} upwards",
            found.auto.value > fixed.high,
        ),
        Goal("not below the best single method of any type", ", ".join(lost) or "in none", not lost),
        Goal("at least half of the way to the choice by true answers", f"{way:.0%}", way >= HALF),
        Goal(f"at most {MOST:.0f} times the cost of one edit", f"{found.cost:.2f}", found.cost <= MOST),
    ]


def markdown(found: Portfolio) -> str:
    """What choosing achieves beside the best single method and the oracle, over all and by type."""
    title, fixed = found.fixed
    rows = [
        ["chosen, by halves", shown(found.auto), f"{found.cost:.2f}"],
        [f"always {title}", shown(fixed), "1.00"],
        ["the best of each type, were it known", shown(found.single), ""],
        ["the best of each case, by its true answer", shown(found.oracle), ""],
    ]
    said = [
        [title, "" if one is None else shown(one), "" if one is None else str(one.cases)]
        for title, one in (
            ("said to have failed, and did", found.doubted),
            ("failed, and said so", found.caught),
        )
    ]
    kinds = [[kind, shown(ours), name, shown(one)] for kind, (ours, name, one) in found.by_type.items()]
    parts = [
        grid(["", "comes off (95 %)", "cost in edits"], rows),
        grid(["", "share (95 %)", "of"], said),
        grid(["type", "chosen (95 %)", "best single method", "comes off (95 %)"], kinds),
        grid(["goal", "found", "met"], [[g.wanted, g.found, "yes" if g.met else "no"] for g in goals(found)]),
    ]
    return "\n\n".join(parts) + "\n"


def shown(one: Mean) -> str:
    """A share with its interval."""
    return shown_as(one, "success")
