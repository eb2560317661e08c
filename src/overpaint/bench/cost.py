"""What methods cost: their rows beside those of the published code, their time beside that of bare rows."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any

import torch

from overpaint import registry
from overpaint.bench.case import Case
from overpaint.bench.run import planned
from overpaint.bench.variant import CONCEPT, Variant
from overpaint.card import Cost
from overpaint.meter import Meter
from overpaint.model import Line, Model
from overpaint.run.plan import Job
from overpaint.run.settings import name_of

TRIES = 5
"""Backward passes that are timed, of which the median counts."""
HEAD = (
    "method",
    "rows, published",
    "rows, same options",
    "rows here",
    "backward passes",
    "seconds",
    "over bare rows",
)
Note = Callable[[Variant], None]


@dataclass(frozen=True)
class Costs:
    """One line of the table."""

    title: str
    published: Cost | None
    """What the authors' code asks of the network, at its own defaults."""
    usual: Cost
    """What the method asks at those."""
    rows: int
    """What it asked here, with the options that suit the model."""
    backwards: int
    seconds: float
    bare: float
    """Seconds of the same calls and backward passes with nothing around them."""

    @property
    def cells(self) -> tuple[str, ...]:
        """The line, as the table prints it."""
        published = "" if self.published is None else told(self.published)
        ratio = f"{self.seconds / self.bare:.2f}" if self.bare else ""
        return (
            self.title,
            published,
            told(self.usual),
            str(self.rows),
            str(self.backwards or ""),
            f"{self.seconds:.1f}",
            ratio,
        )


def told(cost: Cost) -> str:
    """Rows, and backward passes where there are any."""
    back = f" and {span(cost.backwards)} back" if cost.backwards[1] else ""
    return span(cost.rows) + back


def span(both: tuple[int, int]) -> str:
    """One number, or from one to another."""
    least, most = both
    return str(least) if least == most else f"{least} to {most}"


@dataclass(eq=False)
class Sizes:
    """How many rows each call of an edit had, in order."""

    seen: list[int] = field(default_factory=list[int])
    rows: int = 0

    def __call__(self, meter: Meter) -> None:
        """Note the rows of a call that is about to be made."""
        if meter.rows > self.rows:
            self.seen.append(meter.rows - self.rows)
            self.rows = meter.rows


def costs(
    model: Model, case: Case, chosen: Sequence[Variant], note: Note = lambda _: None
) -> Iterator[Costs]:
    """Every variant on one case, its inversion made anew, timed beside bare calls of the same sizes.

    Raises:
        UsageError: a variant cannot do the case.
    """
    pictures = case.pictures()
    with model.lock, model.keeping(None):
        for variant in chosen:
            note(variant)
            yield cost(variant, planned(model, case, pictures, variant))


def cost(variant: Variant, job: Job) -> Costs:
    """One variant; what is timed is the method alone, without reading, coding and writing pictures."""
    model, sizes = job.model, Sizes()
    meter, kind = Meter(on_tick=sizes), registry.find(variant.method)
    bare_calls(job, sizes.seen[:1] or [1, 1])
    with torch.no_grad(), model.metered(meter), model.side(*job.beside.sides):
        started = perf_counter()
        job.method(model, job.task)
        settle(model)
        seconds = perf_counter() - started
    bare = bare_calls(job, sizes.seen)
    bare += meter.backwards * backward(job) if meter.backwards else 0.0
    other = variant.inversion not in ("", name_of(kind().model_dump().get("inversion")))
    said: dict[str, Any] = {"inversion": {"name": variant.inversion}} if other else {}
    if "concepts" in variant.gifts:  # they are what is asked for, as the prompt is
        said[CONCEPT] = job.method.model_dump()[CONCEPT]
    usual = kind.model_validate(said)
    official = None if other else kind.card.official
    return Costs(variant.title, official, kind.card.cost(usual), meter.rows, meter.backwards, seconds, bare)


def bare_calls(job: Job, sizes: Sequence[int]) -> float:
    """Seconds of calls with so many rows each."""
    model, path, x = job.model, job.model.path(1), job.task.start()
    calls = {
        rows: ([f"{k}+" for k in range(rows)], [Line("+", job.task.null)] * rows, x.expand(rows, -1, -1, -1))
        for rows in Counter(sizes)
    }
    with torch.no_grad(), model.metered(Meter()):
        started = perf_counter()
        for rows in sizes:
            roles, lines, latents = calls[rows]
            model.rows(latents, 0, path, roles, lines)
        settle(model)
        return perf_counter() - started


def backward(job: Job) -> float:
    """Seconds that a row takes longer where it is derived by its latent."""
    model, path, lines, found = job.model, job.model.path(1), [Line("+", job.task.null)], list[float]()
    with model.metered(Meter()):
        for _ in range(TRIES):
            x = job.task.start().requires_grad_()
            with torch.enable_grad():
                started = perf_counter()
                model.rows(x, 0, path, ["0+"], lines).eps.sum().backward()  # pyright: ignore[reportUnknownMemberType]
                settle(model)
                found.append(perf_counter() - started)
    return median(found) - median(bare_calls(job, [1]) for _ in range(TRIES))


def settle(model: Model) -> None:
    """Wait until an accelerator has done what it was told."""
    if model.device.type == "cuda":
        torch.cuda.synchronize(model.device)


def markdown(found: Sequence[Costs]) -> str:
    """The table."""
    lines = [HEAD, ("---",) * len(HEAD), *(one.cells for one in found)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
