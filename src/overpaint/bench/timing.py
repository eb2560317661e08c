"""How long an edit takes where nothing else works.

The seconds of a run of hours are those of a machine that others used as well, often another process of the
same run. So a few edits of every row are made once more, one after another, for their time alone.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, cast

from overpaint.bench.case import Case
from overpaint.bench.figures import ALONE
from overpaint.bench.results import Line, Results, key, row_key
from overpaint.bench.run import check, machine, planned
from overpaint.bench.table import set_of, title_of, value_of
from overpaint.bench.telling import cases_of
from overpaint.bench.variant import Variant, variant
from overpaint.errors import UsageError, sentence
from overpaint.meter import Cancelled, Meter, part
from overpaint.model import Model
from overpaint.run import auto
from overpaint.run.request import kind_of

FEW, SLOW = 3, 60.0
"""Edits of a row; of one that takes more seconds, a single one."""
OFF = 0.1
"""By how much of its rows through the network an edit may differ from what it was."""
CLAIM = "timing"
"""What a process claims while it measures time, as if it were a case: two would disturb each other."""
EMPTY: tuple[Any, ...] = ("", None, [], {})
Note = Callable[[str, str], None]
"""Is told the title of each edit, and why there is no time of it, or nothing."""
Edit = tuple[Variant, Case, Line]


@dataclass(frozen=True, eq=False)
class Timing:
    """Edits that are to be made once more."""

    results: Results
    model: Model
    todo: Sequence[Edit]
    seconds: float = 0.0
    """About how long it takes, by how long such edits took."""
    done: int = 0
    """Rows whose time is known."""
    left: Mapping[str, str] = field(default_factory=dict[str, str])
    """Rows that cannot be made again as they were, each with the reason."""


def timing_of(
    results: Results,
    model: Model,
    rows: Collection[str] | None = None,
    few: int = FEW,
    again: bool = False,
) -> Timing:
    """What there is to do in a folder of results.

    Args:
        results: the folder.
        model: on which the edits are made.
        rows: only those of these keys; nothing for all.
        few: edits of each row; of one that takes long, a single one.
        again: whether also those whose time is known.
    """
    every = timed(results)
    known = cases_of({str(line["case"]) for lines in every.values() for line in lines})
    todo, seconds, done, left = list[Edit](), 0.0, 0, dict[str, str]()
    for lines in every.values():
        if rows is not None and row_key(lines[0]) not in rows:
            continue
        made = today(lines[0], model)
        usual = median(value_of(line, "seconds") or 0.0 for line in lines)
        by_case = {str(line["case"]): line for line in lines}
        own = [name for name in known if name in by_case][: 1 if usual > SLOW else few]
        new = [name for name in own if again or value_of(by_case[name], ALONE) is None]
        if isinstance(made, str) or not own:
            left[title_of(lines[0])] = made if isinstance(made, str) else "not of Still Life's cases"
            continue
        done += not new
        seconds += usual * len(new)
        todo += [(made, known[name], by_case[name]) for name in new]
    return Timing(results, model, todo, seconds, done, left)


def timed(results: Results) -> Mapping[str, list[Line]]:
    """The lines that took time, by row and set of cases."""
    found = dict[str, list[Line]]()
    for line in results.lines.values():
        if not line["reference"] and value_of(line, "seconds") is not None:
            found.setdefault(f"{set_of(line)} {row_key(line)}", []).append(line)
    return found


def today(line: Line, model: Model) -> Variant | str:
    """What was put to the test, by today's code; or why it is no longer the same."""
    now = machine(model)
    if line["model"] != model.fingerprint:
        return "of another model"
    if off := [f"--{name} {line[name]}" for name in now if line.get(name, now[name]) != now[name]]:
        return f"made otherwise, so give {' '.join(off)}"
    for inversion in dict.fromkeys(("", str(line["inversion"]))):
        try:
            made = variant(kind_of(line["method"]), model, inversion, line["said"], line["gifts"])
        except UsageError as error:
            return str(error)
        alike = made.inversion == line["inversion"] and list(made.gifts) == list(line["gifts"])
        if alike and same(line["options"], made.options):
            return made
    return "of other options than today's"


def same(old: Any, new: Any) -> bool:
    """Whether options are as they were; such as came since, or went and were empty, leave all as it was."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        before, now = cast("Mapping[str, Any]", old), cast("Mapping[str, Any]", new)
        return all(
            same(value, now[name]) if name in now else value in EMPTY for name, value in before.items()
        )
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def measure_time(asked: Timing, meter: Meter, note: Note = lambda title, why: None) -> bool:
    """Make the edits; each time is added at once, so that the same call goes on after a stop.

    Returns:
        Whether it was done: not while another process measures time in that folder.

    Raises:
        Cancelled: the meter was told to stop; all that was finished is on disk.
    """
    results = asked.results
    with results.claimed(CLAIM) as ours, asked.model.lock, asked.model.keeping(None):
        for line, found in times(asked, meter, note) if ours else ():
            results.refresh()  # a line may have changed since it was read
            now = results.lines.get(key(line), line)
            results.add({**now, "figures": {**now["figures"], ALONE: round(found, 4)}})
        return ours


def times(asked: Timing, meter: Meter, note: Note) -> Iterator[tuple[Line, float]]:
    """Lines, each with the seconds of its edit; the first edit is made twice, for what is loaded once."""
    for k, (made, case, line) in enumerate(asked.todo):
        try:
            took = [seconds_of(asked.model, case, made, line, meter) for _ in range(1 if k else 2)]
        except Cancelled:
            raise
        except Exception as error:  # a mistake in one method must not end a run of hours
            note(made.title, sentence(error))
        else:
            yield line, took[-1]
            note(made.title, "")


def seconds_of(model: Model, case: Case, made: Variant, line: Line, meter: Meter) -> float:
    """How long one edit takes.

    Raises:
        UsageError: it asks for other rows than it did, so it is another edit; or it cannot be done any more.
    """
    check(meter)
    work = auto.carried(planned(model, case, case.pictures(), made), part(meter)).figures
    then = value_of(line, "rows") or 0.0
    if not line.get("found") and abs(work.rows - then) > OFF * then:  # of a kept inversion the least is told
        raise UsageError(
            f"It asks for {work.rows} rows through the network on {case.name}, and asked for {then:.0f}; "
            "make it anew by 'bench still-life'."
        )
    return work.seconds
