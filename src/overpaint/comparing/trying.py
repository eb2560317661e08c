"""What will be tried on a picture, planned before anything runs: what it costs, and what cannot be done."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from overpaint.bench.results import Line, row_key, row_of
from overpaint.bench.variant import Variant
from overpaint.bench.version import code_of
from overpaint.card import Cost
from overpaint.comparing.cells import Cell
from overpaint.errors import UsageError, sentence
from overpaint.model import Model
from overpaint.path import part
from overpaint.run.estimate import Estimate, estimate
from overpaint.run.memory import within
from overpaint.run.own_noise import inversion_of
from overpaint.run.plan import Job, plan
from overpaint.run.request import EditRequest, told
from overpaint.run.resolve import resolve
from overpaint.run.settings import name_of

NEVER = float("inf")


@dataclass(frozen=True, eq=False)
class Try:
    """A cell with its plan, or with the sentence that says why it cannot be done."""

    cell: Cell
    row: Line
    """What its result is known by."""
    job: Job | None = None
    cost: Estimate | None = None
    error: str = ""

    @cached_property
    def key(self) -> str:
        """The same as one word."""
        return row_key(self.row)

    @property
    def title(self) -> str:
        """Its name for people: the inversion it walks with is part of it."""
        walked, said = str(self.row["inversion"]), dict(self.cell.said)
        walked = "" if walked == self.cell.method else walked
        said.pop("inversion", None)
        return " ".join(filter(None, [self.cell.method, walked, Cell("", said).title.strip()]))

    @property
    def seconds(self) -> float:
        """About how long it takes with nothing to share."""
        return NEVER if self.cost is None else self.cost.seconds[1]


def tries(
    asked: EditRequest, wanted: Sequence[Cell], model: Model, memory: str | int | None = None
) -> list[Try]:
    """Everything planned, cheapest first; what cannot be done comes last, with its sentence.

    Two spellings of one edit (``steps=20``, ``steps=20.0``) are one.

    Raises:
        UsageError: nothing can be done; the sentence is that of the first.
    """
    found = [planned(asked, cell, model, memory) for cell in wanted]
    if all(one.error for one in found):
        raise UsageError(found[0].error)
    able = {one.key: one for one in reversed(found) if not one.error}
    kept = [one for one in found if one.error or able[one.key] is one]
    return sorted(kept, key=lambda one: one.seconds)


def planned(asked: EditRequest, cell: Cell, model: Model, memory: str | int | None = None) -> Try:
    """The plan of a cell, within a bound of memory if there is one, or why there is none."""
    try:
        kind, options = told(cell.method, cell.said)
        resolve(kind, options, {}, f"the method {cell.method!r}")
        job = bounded(plan(replace(asked, kind=kind, options=options), model), memory)
        return Try(cell, row(cell, job.method.model_dump(mode="json"), model), job, estimate(job))
    except Exception as error:  # a mistake in one method must not end the comparison
        return Try(cell, row(cell, {}, model), error=sentence(error))


def bounded(job: Job, memory: str | int | None) -> Job:
    """The job with as many rows at a time as fit into a bound, if there is one.

    Raises:
        UsageError: it does not fit even row by row.
    """
    return job if memory is None else within(job, memory)


def row(cell: Cell, options: Mapping[str, Any], model: Model) -> Line:
    """What lines of a cell have in common."""
    kind, _ = told(cell.method, {})
    said = {name: str(value) for name, value in cell.said.items()}
    walked = name_of(options.get("inversion"))
    return row_of(Variant(cell.method, walked, said, options, code=code_of(kind)), model.fingerprint)


def shared_rows(found: Sequence[Try]) -> int:
    """Rows that need not be asked for again because edits share an inversion."""
    seen, saved = set[str](), 0
    for one in found:
        if one.job is None:
            continue
        name, cost = inverted_by(one.job)
        saved += cost.rows[0] if name in seen else 0
        seen.add(name)
    return saved


def inverted_by(job: Job) -> tuple[str, Cost]:
    """What tells the inversion of an edit from those of others on the same picture, and what it takes."""
    method, inversion = job.method, inversion_of(job.method)
    if inversion is None:
        return "", Cost()
    own, guidance = dict(method), float(getattr(method, "guidance", 1))
    steps = int(own.get("inversion_steps") or own.get("steps", 0))
    walked = part(steps, float(own.get("ratio", 1)))  # DiffEdit takes the end of the path alone
    told = own.get("encode", "source") == "source" or bool(own.get("thing"))
    source = told and job.task.given_source is not None
    known = [inversion.model_dump(mode="json", exclude=set(inversion.late)), steps, walked, source]
    known += [guidance] if inversion.guided else []
    return json.dumps(known, sort_keys=True), inversion.cost_at(walked, guidance)
