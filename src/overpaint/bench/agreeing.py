"""What it is worth to make several edits and take the one most like the others, by the results of a run."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path

from overpaint.bench.learning import Edit
from overpaint.bench.results import Results, row_key
from overpaint.choosing.agreement import FEWEST, apart
from overpaint.images import load_picture, to_tensor

WIDE = 10
"""Methods of which the best few are looked for: those that come off most often."""
Apart = Mapping[str, Mapping[tuple[str, str], float]]
"""By case: how far the edits of two rows lie from each other."""


def distances(results: Results) -> Apart:
    """How far the edits of each case lie from one another, as far as their pictures were kept."""
    by_case = dict[str, dict[str, Path]]()
    for line in results.lines.values():
        row = row_key(line)
        place = results.picture(str(line["case"]), row)
        if not line.get("reference") and "error" not in line and place.is_file():
            by_case.setdefault(str(line["case"]), {})[row] = place
    return {case: between(places) for case, places in by_case.items()}


def between(places: Mapping[str, Path]) -> dict[tuple[str, str], float]:
    """The distances of the edits of one case, those of another size than the first left out."""
    pixels = {row: to_tensor(load_picture(place)) for row, place in places.items()}
    size = next(iter(pixels.values())).shape
    rows = [row for row, one in pixels.items() if one.shape == size]
    found = apart([pixels[row] for row in rows])
    return {(a, b): float(found[i, k]) for i, a in enumerate(rows) for k, b in enumerate(rows)}


def agreed(rows: Sequence[str], known: Mapping[tuple[str, str], float]) -> str:
    """The row whose edit is most like those of the others; the first where too few have pictures."""
    seen = [row for row in rows if (row, row) in known]
    if len(seen) < FEWEST:
        return rows[0]
    return min(seen, key=lambda row: sum(known[row, other] for other in seen))


def best_few(cases: Mapping[str, Mapping[str, Edit]], known: Apart) -> Sequence[str]:
    """The few methods of which the likest edit comes off most often, the best of them first."""
    names = list(next(iter(cases.values())))
    good = sorted(names, key=lambda row: -sum(there[row].came for there in cases.values()))[:WIDE]
    return max(combinations(good, FEWEST), key=lambda few: share(cases, known, few), default=())


def share(cases: Mapping[str, Mapping[str, Edit]], known: Apart, few: Sequence[str]) -> int:
    """In how many cases the edit most like the others came off."""
    return sum(there[agreed(few, known.get(case, {}))].came for case, there in cases.items())
