"""What will be tried on a picture, planned before anything runs: what it costs, and what cannot be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from overpaint.bench.results import Line, row_key, row_of
from overpaint.bench.variant import Variant
from overpaint.bench.version import code_of
from overpaint.card import Cost
from overpaint.comparing.cells import Cell
from overpaint.errors import OverpaintError, UsageError
from overpaint.model import Model
from overpaint.run.estimate import Estimate, estimate
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

    @property
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


def tries(asked: EditRequest, wanted: Sequence[Cell], model: Model) -> list[Try]:
    """Everything planned, cheapest first; what cannot be done comes last, with its sentence.

    Raises:
        UsageError: nothing can be done; the sentence is that of the first.
    """
    found = [planned(asked, cell, model) for cell in wanted]
    if all(one.error for one in found):
        raise UsageError(found[0].error)
    return sorted(found, key=lambda one: one.seconds)


def planned(asked: EditRequest, cell: Cell, model: Model) -> Try:
    """The plan of a cell, or why there is none."""
    try:
        kind, options = told(cell.method, cell.said)
        resolve(kind, options, {}, f"the method {cell.method!r}")
        job = plan(replace(asked, kind=kind, options=options), model)
        return Try(cell, row(cell, job.method.model_dump(mode="json"), model), job, estimate(job))
    except OverpaintError as error:
        return Try(cell, row(cell, {}, model), error=str(error))


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
        inversion, steps = inversion_of(one.job.method), getattr(one.job.method, "steps", 0)
        if inversion is None:
            continue
        apart = inversion.model_dump_json(exclude=set(inversion.late))
        name = f"{apart} {steps} {one.job.task.given_source is not None}"
        name += f" {getattr(one.job.method, 'guidance', None)}" if inversion.guided else ""
        cost: Cost = inversion.cost(inversion.walked(steps))
        saved += cost.rows[0] if name in seen else 0
        seen.add(name)
    return saved
