"""How long an edit takes where nothing else works.

The seconds of a run of hours are those of a machine that others used as well, often another process of the
same run. So a few edits of every row are made once more, one after another, for their time alone.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from overpaint.bench.case import Case
from overpaint.bench.figures import ALONE
from overpaint.bench.results import Line, Results, row_key
from overpaint.bench.run import check, planned
from overpaint.bench.table import title_of, value_of
from overpaint.bench.telling import cases_of
from overpaint.bench.variant import Variant, variant
from overpaint.errors import UsageError
from overpaint.meter import Meter, part
from overpaint.model import Model
from overpaint.near import nearest
from overpaint.run import auto
from overpaint.run.request import kind_of

FEW = 3
"""Edits of a row: they differ by a few parts in a hundred."""
CLAIM = "timing"
"""What a process claims while it measures time, as if it were a case: two would disturb each other."""
Note = Callable[[str], None]
Edit = tuple[Variant, Case, Line]


@dataclass(frozen=True, eq=False)
class Timing:
    """Edits that are to be made once more."""

    results: Results
    model: Model
    todo: Sequence[Edit]
    done: int = 0
    """Rows whose time is known."""
    left: tuple[str, ...] = ()
    """Rows that cannot be made again: they are of another model, of options that are gone, of other cases."""

    @property
    def seconds(self) -> float:
        """About how long it takes: no longer than it took."""
        return sum(value_of(line, "seconds") or 0.0 for _, _, line in self.todo)


def timing_of(
    results: Results, model: Model, methods: Sequence[str] = (), few: int = FEW, again: bool = False
) -> Timing:
    """What there is to do in a folder of results, by these methods or all.

    Args:
        results: the folder.
        model: on which the edits are made.
        methods: only their rows; all where there are none.
        few: edits of each row.
        again: whether also rows whose time is known.

    Raises:
        UsageError: there is no row of a method.
    """
    by_row, todo, left, done = rows_of(results, methods), list[Edit](), list[str](), 0
    for lines in by_row.values():
        made = None if lines[0]["model"] != model.fingerprint else today(lines[0], model)
        known = cases_of({str(line["case"]) for line in lines})
        own = [line for line in lines if line["case"] in known][:few]
        if made is None or not own:
            left.append(title_of(lines[0]))
        elif not again and all(value_of(line, ALONE) is not None for line in own):
            done += 1
        else:
            todo += [(made, known[str(line["case"])], line) for line in own]
    return Timing(results, model, todo, done, tuple(left))


def rows_of(results: Results, methods: Sequence[str]) -> Mapping[str, list[Line]]:
    """The lines of every row that took time, of these methods or all.

    Raises:
        UsageError: there is none of a method.
    """
    found = dict[str, list[Line]]()
    for line in results.lines.values():
        if not line["reference"] and value_of(line, "seconds") is not None:
            found.setdefault(row_key(line), []).append(line)
    names = dict.fromkeys(str(lines[0]["method"]) for lines in found.values())
    for name in methods:
        if name not in names:
            raise UsageError(f"There is no row of {name!r} in {results.folder}; {nearest(name, names)}")
    return {key: lines for key, lines in found.items() if not methods or lines[0]["method"] in methods}


def today(line: Line, model: Model) -> Variant | None:
    """What was put to the test, as it would be today; nothing where that is no longer the same."""
    for inversion in dict.fromkeys(("", str(line["inversion"]))):
        with suppress(UsageError):
            made = variant(kind_of(line["method"]), model, inversion, line["said"], line["gifts"])
            if made.inversion == line["inversion"] and same(line["options"], made.options):
                return made
    return None


def same(old: Any, new: Any) -> bool:
    """Whether options are as they were; such as came since, or went and were empty, leave all as it was."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, now = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new)
        return all(same(value, now.get(name, "")) for name, value in before.items())
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def measure_time(asked: Timing, meter: Meter, note: Note = lambda title: None) -> bool:
    """Make the edits; each time is added at once, so that the same call goes on after a stop.

    Returns:
        Whether it was done: not while another process measures time in that folder.

    Raises:
        Cancelled: the meter was told to stop; all that was finished is on disk.
    """
    with asked.results.claimed(CLAIM) as ours, asked.model.lock, asked.model.keeping(None):
        for line in times(asked, meter, note) if ours else ():
            asked.results.add(line)
        return ours


def times(asked: Timing, meter: Meter, note: Note) -> Iterator[Line]:
    """The lines, each with the seconds of its edit; the first edit is made twice, for what is loaded once."""
    for k, (made, case, line) in enumerate(asked.todo):
        note(made.title)
        took = [seconds_of(asked.model, case, made, meter) for _ in range(1 if k else 2)]
        yield {**line, "figures": {**line["figures"], ALONE: round(took[-1], 4)}}


def seconds_of(model: Model, case: Case, made: Variant, meter: Meter) -> float:
    """How long one edit takes."""
    check(meter)
    return auto.carried(planned(model, case, case.pictures(), made), part(meter)).figures.seconds
