"""The table of a folder of results: means with intervals, overall and by type, as Markdown and as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from overpaint.bench.figures import ALONE, FIGURES, OFFICIAL, SHARES
from overpaint.bench.results import NETWORKS, Line, row_key

DRAWS = 2000
"""Bootstrap samples of an interval."""
LOW, HIGH = 2.5, 97.5
"""Percentiles of its ends."""
FEWEST = 2
"""Cases of a type from which on there is a mean of them."""
OVERALL = "all"
MISSING = "–"
UNTOUCHED, INSIDE = "source untouched", "psnr_inside"


@dataclass(frozen=True)
class Mean:
    """A mean over cases, with the 95 % interval of the bootstrap over them."""

    value: float
    low: float
    high: float
    cases: int


@dataclass
class Row:
    """One row of the table: what was put to the test, and its lines."""

    title: str
    line: Line
    lines: list[Line] = field(default_factory=list[Line])
    shares: frozenset[str] = frozenset()
    """The shares that its set of cases is judged by: none of them where a set has no judge."""

    def of(self, kind: str) -> list[Line]:
        """The lines of one type, or of all."""
        return [line for line in self.lines if kind in (OVERALL, line["type"])]

    def mean(self, figure: str, kind: str = OVERALL) -> Mean | None:
        """A figure of one type, or of all; nothing where no case has it. What failed is no success."""
        values = self.values(figure, kind)
        return mean(values) if values else None

    def values(self, figure: str, kind: str = OVERALL) -> list[float]:
        """A figure in every case that has it; what failed has none but the shares of its set, which are 0.

        The time of edits alone is that of a few cases, and of no type.
        """
        if figure == ALONE and kind != OVERALL:
            return []
        failure = 0.0 if figure in self.shares else None
        found = (failure if "error" in line else value_of(line, figure) for line in self.of(kind))
        return [value for value in found if value is not None]


def value_of(line: Line, figure: str) -> float | None:
    """A figure of a line; none of one that failed."""
    value = line.get("figures", {}).get(figure)
    return None if value is None else float(value)


def mean(values: Sequence[float]) -> Mean:
    """The mean and its interval: the middle 95 % of the means of samples drawn from the values again."""
    data = np.asarray(values)
    drawn = np.random.default_rng(0).integers(0, len(data), (DRAWS, len(data)))
    low, high = np.percentile(data[drawn].mean(1), (LOW, HIGH))
    return Mean(float(data.mean()), float(low), float(high), len(data))


def rows(lines: Sequence[Line]) -> list[Row]:
    """Lines by what was put to the test: references first, then as they came.

    Results of another version of the code or the model are rows of their own, and so are fresh cases.
    """
    found: dict[str, Row] = {}
    for line in lines:
        name = f"{set_of(line)} {row_key(line)}"
        found.setdefault(name, Row(title_of(line), line)).lines.append(line)
    judged = shares_of(lines)
    for row in found.values():
        row.shares = judged[set_of(row.line)]
    ordered = sorted(found.values(), key=lambda row: not row.line["reference"])
    told_apart(ordered)
    return ordered


def shares_of(lines: Sequence[Line]) -> Mapping[str, frozenset[str]]:
    """By set of cases, the shares that any line of it has."""
    found: dict[str, frozenset[str]] = {}
    for line in lines:
        own = frozenset(name for name in SHARES if value_of(line, name) is not None)
        found[set_of(line)] = found.get(set_of(line), frozenset()) | own
    return found


def set_of(line: Line) -> str:
    """The set of cases a line belongs to: as it says, or what stands before its type, or nothing."""
    if "set" in line:
        return str(line["set"])
    return str(line["case"]).partition(str(line["type"]))[0].strip("-")


def title_of(line: Line) -> str:
    """The name of a row for people."""
    said = [f"{name}={value}" for name, value in line["said"].items()]
    gifts = [f"given {gift}" for gift in line["gifts"]]
    return " ".join(filter(None, [line["method"], line["inversion"], *said, *gifts, set_of(line)]))


def told_apart(found: Sequence[Row]) -> None:
    """Rows of one title get the version that they differ in."""
    titles = [row.title for row in found]
    for row in found:
        if titles.count(row.title) > 1:
            row.title += f" (code {row.line['code'][:6]}, model {row.line['model'][:6]})"


def types_of(found: Sequence[Row]) -> list[str]:
    """The types of edit, as they came."""
    return list(dict.fromkeys(str(line["type"]) for row in found for line in row.lines))


def markdown(found: Sequence[Row]) -> str:
    """The figures of every row, what is worse than no edit, the successes by type, and what failed."""
    parts = [overall(found), worse(found), by_type(found), failed(found)]
    return "\n\n".join(part for part in parts if part) + "\n"


def overall(found: Sequence[Row]) -> str:
    """All figures, a row a line; success with its interval."""
    names = [name for name in FIGURES if any(row.values(name) or name in due(row) for row in found)]
    head = ["", "cases", *(FIGURES[name].title for name in names)]
    lines = [[row.title, str(len(row.lines)), *(cell(row, name) for name in names)] for row in found]
    return grid(head, lines)


def due(row: Row) -> Sequence[str]:
    """The figures that a row should have, also where the network that measures is missing."""
    return OFFICIAL if NETWORKS in row.line else ()


def cell(row: Row, figure: str) -> str:
    """A mean for people; a dash for one that should be there."""
    return shown(row.mean(figure), figure) or (MISSING if figure in due(row) else "")


def worse(found: Sequence[Row]) -> str:
    """The rows that end farther from the true answer, where something should change, than no edit at all.

    Means over the cases that both have.
    """
    floors = {set_of(row.line): insides(row) for row in found if row.line["method"] == UNTOUCHED}
    said = list[str]()
    for row in found:
        floor, own = floors.get(set_of(row.line), {}), insides(row)
        both = [case for case in own if case in floor]
        ours, least = (sum(one[case] for case in both) / max(len(both), 1) for one in (own, floor))
        if ours < least:
            said.append(f"- {row.title}: {ours:.1f} dB, the untouched source {least:.1f} dB")
    title = "Farther from the true answer inside the change than the untouched source:"
    return f"{title}\n\n" + "\n".join(said) if said else ""


def insides(row: Row) -> dict[str, float]:
    """By case, how near the true answer a row is inside the change."""
    found = ((str(line["case"]), value_of(line, INSIDE)) for line in row.lines)
    return {case: value for case, value in found if value is not None}


def by_type(found: Sequence[Row]) -> str:
    """The share of successes for each type with its interval, of rows that have several cases of a type."""
    several = [row for row in found if any(len(row.of(kind)) >= FEWEST for kind in types_of([row]))]
    kinds = types_of(several) if any(row.values("success") for row in several) else []
    lines = [[row.title, *(shown(row.mean("success", kind), "success") for kind in kinds)] for row in several]
    return f"Success by type of edit:\n\n{grid(['', *kinds], lines)}" if kinds else ""


def failed(found: Sequence[Row]) -> str:
    """What could not be done: cases that no row can do, then each row with its sentences and how often."""
    wrong = dict.fromkeys(failure(line) for row in found if row.line["reference"] for line in row.lines)
    wrong.pop(None, None)
    counts: dict[tuple[str, str], int] = {}
    for row in found:
        for line in row.lines:
            if "error" in line and failure(line) not in wrong:
                counts[row.title, line["error"]] = counts.get((row.title, line["error"]), 0) + 1
    said = [f"- {one[1]}: {one[2]}" for one in wrong if one]
    said += [f"- {title}: {sentence} ({count} cases)" for (title, sentence), count in counts.items()]
    return "Failed:\n\n" + "\n".join(said) if said else ""


def failure(line: Line) -> tuple[str, str, str] | None:
    """The set, the case and the sentence of what failed; a reference's is the fault of its case."""
    return (set_of(line), str(line["case"]), line["error"]) if "error" in line else None


def shown(found: Mean | None, figure: str) -> str:
    """A mean for people; that of successes with its interval."""
    if found is None:
        return ""
    value = f"{found.value:.{FIGURES[figure].digits}f}"
    return f"{value} ({found.low:.2f} to {found.high:.2f})" if figure == "success" else value


def grid(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    rule = ["---"] * len(head)
    whole = ([cell.replace("|", " ") for cell in line] for line in (head, rule, *lines))
    return "\n".join(f"| {' | '.join(line)} |" for line in whole)


def as_csv(found: Sequence[Row]) -> str:
    """Every mean with its interval: a line for each row, type and figure.

    A type of which a row has one case only has no line: its result is no mean.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, list(COLUMNS), lineterminator="\n")
    writer.writeheader()
    writer.writerows(cells(found))
    return out.getvalue()


COLUMNS = (
    *("title", "row", "method", "inversion", "type", "figure"),
    *("mean", "low", "high", "cases", "failed"),
)


def cells(found: Sequence[Row]) -> Iterator[Mapping[str, Any]]:
    """The lines of the CSV."""
    for row in found:
        own = {name: row.line[name] for name in ("method", "inversion")} | {"row": row_key(row.line)}
        for kind in (OVERALL, *types_of([row])):
            if kind != OVERALL and len(row.of(kind)) < FEWEST:
                continue
            failures = sum("error" in line for line in row.of(kind))
            for figure in FIGURES:
                one = row.mean(figure, kind)
                if one is not None:
                    ends = {"mean": one.value, "low": one.low, "high": one.high}
                    said = {name: f"{value:.6g}" for name, value in ends.items()}
                    more = {"type": kind, "figure": figure, "cases": one.cases, "failed": failures}
                    yield {"title": row.title, **own, **more, **said}
