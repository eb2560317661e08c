"""The table of all methods by one command: its time is said, it goes on where it stopped, and it is kept."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from overpaint.bench import whole
from overpaint.bench.case import Case
from overpaint.bench.measuring import metrics
from overpaint.bench.publish import check_place
from overpaint.bench.references import references
from overpaint.bench.results import Results, row_key
from overpaint.bench.run import Bench, run
from overpaint.bench.still_life import cases
from overpaint.bench.table import grid
from overpaint.bench.whole import FEW, Planned
from overpaint.cli.app import CANCELLED
from overpaint.cli.benching import INVERSIONS, publish_results, say_failures
from overpaint.cli.options import Common
from overpaint.cli.pacing import Failures, pacing
from overpaint.cli.progress import cancelling
from overpaint.cli.running import opened, quiet
from overpaint.cli.timing import note_missing_times
from overpaint.cli.words import duration, say
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run.loading import threads

PUBLISHED = "published"
"""The folder of the tables and the page, in that of the results."""


@dataclass(frozen=True)
class Whole:
    """What was said on the command line."""

    methods: tuple[str, ...]
    limit: int | None
    slow: float
    again: bool
    planning: bool
    opening: bool
    out: Path
    output: Path | None

    @property
    def published(self) -> Path:
        """Where the tables and the page go."""
        return self.output or self.out / PUBLISHED


def make_table(wanted: Whole, common: Common) -> int:
    """Plan all rows, say what they take, make what is missing, and publish; the exit code."""
    check_place(wanted.out, wanted.published)
    metrics()
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        model, chosen = opened(common), cases(limit=wanted.limit)
        rows = whole.every_row(model, wanted.methods)
        found = list(whole.planned(model, chosen, rows, wanted.slow))
        if wanted.planning:
            click.echo(plan_of(found, chosen), nl=False)
            say_plan(found, chosen, [])
            say_left_out(model, wanted)
            return 0
        results = Results.opened(wanted.out)
        stack.enter_context(model.keeping(Cache(wanted.out / INVERSIONS)))
        found = whole.settled(results, model, found)
        benches = parts(found, chosen, model, results, wanted.again)
        say_plan(found, chosen, benches)
        say_left_out(model, wanted)
        told = Failures()
        try:
            for bench in benches:
                with cancelling(bench.meter), pacing(bench.missing(), told) as note:
                    run(bench, note)
            own = {row_key(bench.row(one)) for bench in benches for one in bench.variants}
            note_missing_times(results, model, own)
        except Cancelled:
            say("Stopped; the same command goes on where this one ends.")
            return CANCELLED
        publish_results(wanted.out, wanted.published, wanted.opening)
        return say_failures(benches, told)


def parts(
    found: Sequence[Planned], chosen: Sequence[Case], model: Model, results: Results, again: bool
) -> list[Bench]:
    """First what is measured on all cases, the floors and ceilings with it, then what is on few."""
    every = [one.variant for one in found if not one.few]
    few = [one.variant for one in found if one.few]
    made = [(chosen, [*references(True), *every])] + ([(chosen[:FEW], few)] if few else [])
    return [Bench(own, variants, model, results, again, True, Meter()) for own, variants in made]


def plan_of(found: Sequence[Planned], chosen: Sequence[Case]) -> str:
    """The rows to come, with what each takes on this machine, as Markdown."""
    head = ["row", "cases", "rows an edit", "seconds an edit", "in all"]
    lines = [
        [one.variant.title, str(count), str(one.rows), f"{one.seconds:.1f}", duration(one.seconds * count)]
        for one in found
        for count in [len(one.taken(chosen))]
    ]
    return grid(head, lines) + "\n"


def say_plan(found: Sequence[Planned], chosen: Sequence[Case], benches: Sequence[Bench]) -> None:
    """How many rows, edits and hours, and which rows take few cases."""
    left = {one.variant.title: len(one.taken(chosen)) for one in found}
    whole_count = sum(left.values())
    for bench in benches:
        missing = [variant.title for _, several in bench.missing() for variant in several]
        left.update({variant.title: missing.count(variant.title) for variant in bench.variants})
    count = sum(left[one.variant.title] for one in found)
    seconds = sum(one.seconds * left[one.variant.title] for one in found)
    there = f", {whole_count - count} of which are done" if count < whole_count else ""
    say(
        f"{len(found)} rows, {whole_count} edits{there}: about {duration(seconds)} in this process, "
        "half of that if another one runs the same command on another core beside it."
    )
    if few := [one.variant.title for one in found if one.few and len(chosen) > FEW]:
        say(f"On the first {FEW} cases only, for the time an edit takes: {', '.join(few)}.")


def say_left_out(model: Model, wanted: Whole) -> None:
    """Which methods have no row, and why; nothing where some were named."""
    if wanted.methods:
        return
    for name, why in whole.left_out(model).items():
        say(f"No row of {name}: it {why}.")
