"""Every inversion under every method that takes several: what came off, rows and seconds, or why not."""

from collections.abc import Mapping, Sequence
from statistics import median

from overpaint import registry
from overpaint.bench.table import Row, grid, markdown
from overpaint.inversions.choice import NAMES

Pair = tuple[str, str]
"""A method and an inversion."""


def everything(found: Sequence[Row]) -> str:
    """The table of results with all its parts, as Markdown."""
    return "\n".join(part for part in (markdown(found), combinations(found)) if part)


def combinations(found: Sequence[Row]) -> str:
    """Inversions by methods as Markdown; an empty text where no method was measured over several.

    A cell holds the share of successes, its interval and the cases, then rows and seconds of an edit (the
    median: a machine that was busy or asleep for a while shall not count). It is empty where nothing was
    measured, and names a reason below where every case failed.
    """
    measured = cells(found)
    methods = [name for name in registry.METHODS if sum(method == name for method, _ in measured) > 1]
    columns = {pair: row for pair, row in measured.items() if pair[0] in methods}
    inversions = [name for name in NAMES if any(inversion == name for _, inversion in columns)]
    if not methods:
        return ""
    lines = [
        [name, *(told(columns[method, name]) if (method, name) in columns else "" for method in methods)]
        for name in inversions
    ]
    parts = ["Inversions under methods:", grid(["", *methods], lines), *reasons(columns)]
    return "\n\n".join(parts) + "\n"


def cells(found: Sequence[Row]) -> Mapping[Pair, Row]:
    """The rows of methods with their options as they are; of several versions that with the most cases."""
    best: dict[Pair, Row] = {}
    for row in found:
        line = row.line
        pair = str(line["method"]), str(line["inversion"])
        plain = not (line["reference"] or line["said"] or line["gifts"]) and pair[1] in NAMES
        if plain and (pair not in best or len(row.lines) > len(best[pair].lines)):
            best[pair] = row
    return best


def told(row: Row) -> str:
    """A cell."""
    success, rows, seconds = row.mean("success"), row.mean("rows"), row.values("seconds")
    if success is None or rows is None or not seconds:
        return "not possible, see below"
    share = f"{success.value:.2f} ({success.low:.2f} to {success.high:.2f}) of {success.cases}"
    return f"{share}; {rows.value:.0f} rows, {median(seconds):.1f} s"


def reasons(columns: Mapping[Pair, Row]) -> list[str]:
    """What stands in the way of combinations that failed on every case, as a list."""
    said = [
        f"- {method} over {inversion}: {row.lines[0]['error']}"
        for (method, inversion), row in columns.items()
        if all("error" in line for line in row.lines)
    ]
    return ["\n".join(said)] if said else []
