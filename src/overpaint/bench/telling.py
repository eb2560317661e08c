"""Finding the signals of edits anew, from their pictures, where those were kept.

So what is learned from a folder of results can be learned again after what tells a good edit has changed,
without making the edits again.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from overpaint.bench.case import Case
from overpaint.bench.learning import TOLD
from overpaint.bench.results import Line, Results, row_key
from overpaint.bench.run import check, ground_of, rounded
from overpaint.bench.still_life import FRESH, cases
from overpaint.choosing.early import ON_THE_WAY
from overpaint.choosing.signals import ROWS, Ground, signals
from overpaint.choosing.telling import telling
from overpaint.images import load_picture
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.run.auto import framed

FRESH_NAME = re.compile(r"fresh(\d+)-")
Note = Callable[[Case, Line], None]


@dataclass(frozen=True, eq=False)
class Telling:
    """Edits whose signals are to be found, by case."""

    results: Results
    model: Model
    todo: Mapping[str, Sequence[Line]]
    cases: Mapping[str, Case]
    done: int = 0
    """Edits whose signals are those of today."""
    blind: int = 0
    """Edits that cannot be looked at: their pictures were not kept, or their cases are not Still Life's."""
    others: int = 0
    """Edits by another model."""

    @property
    def edits(self) -> int:
        """How many there are to do."""
        return sum(len(lines) for lines in self.todo.values())

    @property
    def rows(self) -> int:
        """Rows through the network that they take at most, what edits of a picture share aside."""
        return self.edits * ROWS


def telling_of(results: Results, model: Model) -> Telling:
    """What there is to do in a folder of results."""
    lines = [one for one in results.lines.values() if not one["reference"] and one.get("figures")]
    ours = [line for line in lines if line["model"] == model.fingerprint]
    known = cases_of({str(line["case"]) for line in ours})
    old = [line for line in ours if line.get(TOLD) != telling()]
    seen = [line for line in old if line["case"] in known and picture_of(results, line).exists()]
    todo = dict[str, list[Line]]()
    for line in seen:
        todo.setdefault(str(line["case"]), []).append(line)
    return Telling(
        results, model, todo, known, len(ours) - len(old), len(old) - len(seen), len(lines) - len(ours)
    )


def cases_of(names: set[str]) -> dict[str, Case]:
    """Still Life's cases of these names, fixed and fresh."""
    seeds = {found[1] for name in names if (found := FRESH_NAME.match(name))}
    drawn = [*cases(), *(case for seed in sorted(seeds) for case in cases(f"{FRESH}{seed}"))]
    return {case.name: case for case in drawn if case.name in names}


def picture_of(results: Results, line: Line) -> Path:
    """Where the picture of a result is, if it was kept."""
    return results.picture(str(line["case"]), row_key(line))


def tell(asked: Telling, meter: Meter, note: Note = lambda case, line: None) -> None:
    """Find signals, case by case; what is found is added at once, so the same call goes on after a stop.

    Raises:
        Cancelled: the meter was told to stop; all that was finished is on disk.
    """
    for name, lines in asked.todo.items():
        with asked.results.claimed(name) as ours:
            if not ours:
                continue  # another process does it
            case, on = asked.cases[name], None
            for line in lines:
                check(meter)
                on = on or ground_of(asked.model, case, case.pictures())
                asked.results.add(told(asked, line, on))
                note(case, line)


def told(asked: Telling, line: Line, on: Ground) -> Line:
    """A line with its signals as they are found today; what was seen on the way stays."""
    picture = load_picture(picture_of(asked.results, line))
    found = signals(asked.model, on, framed(asked.model, picture))
    early = {name: value for name, value in line.get("signals", {}).items() if name in ON_THE_WAY}
    return {**line, "signals": {**rounded(found), **early}, TOLD: telling()}
