"""What methods are good at, from the tables that are kept of the benchmark.

``python -m overpaint.bench.strengths docs/bench/table.csv`` writes what the package ships of it anew.
"""

import csv
import json
import sys
from pathlib import Path

from overpaint import registry
from overpaint.choosing.measured import FILE, Measured
from overpaint.run.settings import settings_of

ALL, SUCCESS = "all", "success"
LEAST = {True: 100, False: 10}
"""Cases from which on something is said: of all types, and of one."""
BY_CONCEPTS = " given concepts"
"""Behind the title of what was given no target prompt."""
NAMED = 3
"""Types that are named at most."""
ABOVE = 0.1
"""By how much a type must be above all of them to be a strength."""


def read(table: str) -> dict[str, Measured]:
    """The same from the lines of a table; of several inversions the usual one, else the best, counts.

    A method that goes by concepts alone is told both prompts as such.
    """
    rows = dict[str, dict[str, tuple[float, int]]]()
    for line in csv.DictReader(table.splitlines()):
        own = f"{line['method']} {line['inversion']}".strip()
        known = line["title"] in (own, own + BY_CONCEPTS) and line["method"] in registry.places()
        if known and line["figure"] == SUCCESS:
            told = float(line["mean"]), int(line["cases"])
            rows.setdefault(line["title"], {})[line["type"]] = told
    found = dict[str, Measured]()
    for title, types in sorted(rows.items(), key=lambda one: (*usual(one[0]), one[1].get(ALL, (0.0, 0)))):
        success, cases = types.pop(ALL, (0.0, 0))
        if cases < LEAST[True]:
            continue
        strong = [
            (mean, kind)
            for kind, (mean, many) in types.items()
            if many >= LEAST[False] and mean >= success + ABOVE
        ]
        best = tuple(kind for _, kind in sorted(strong, key=lambda one: (-one[0], one[1]))[:NAMED])
        found[title.split()[0]] = Measured(success=success, cases=cases, best=best)
    return dict(sorted(found.items()))


def usual(title: str) -> tuple[bool, bool]:
    """Whether a method goes by a target prompt, and whether it walks with the inversion that is its own."""
    name, _, walked = title.partition(" ")
    settings = settings_of(registry.read_summary()[name]["schema"])
    own = settings.get("inversion")
    return not title.endswith(BY_CONCEPTS), not walked or (own is not None and own.part == walked)


if __name__ == "__main__":
    every = read(Path(sys.argv[1]).read_text(encoding="utf-8"))
    FILE.write_text(
        json.dumps({name: one.model_dump(mode="json") for name, one in every.items()}, indent=1) + "\n",
        encoding="utf-8",
    )
    print(f"{len(every)} methods in {FILE}")
