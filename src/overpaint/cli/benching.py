"""The benchmark's work: what there is to do is said, done under a bar, and summed up."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from overpaint.bench.case import Case
from overpaint.bench.combinations import everything
from overpaint.bench.contact import FILE as SHEET
from overpaint.bench.contact import contact_sheet
from overpaint.bench.cost import costs
from overpaint.bench.cost import markdown as markdown_of_costs
from overpaint.bench.drawing import TYPES
from overpaint.bench.footprint import footprints, takers
from overpaint.bench.footprint import markdown as markdown_of_footprints
from overpaint.bench.measuring import metrics
from overpaint.bench.pie.layout import read
from overpaint.bench.pie.making import make
from overpaint.bench.pie.official import figures
from overpaint.bench.pie.published import beside
from overpaint.bench.pie.published import markdown as published
from overpaint.bench.pie.yardsticks import yardsticks
from overpaint.bench.publish import publish
from overpaint.bench.references import references
from overpaint.bench.remeasuring import blind, measure_again, outdated
from overpaint.bench.results import Results
from overpaint.bench.run import Bench, estimates, failures, run
from overpaint.bench.sheet import result_sheet
from overpaint.bench.still_life import cases
from overpaint.bench.table import Row, markdown, rows
from overpaint.bench.table import as_csv as csv_of
from overpaint.bench.variant import GIFTS, variants
from overpaint.cli.app import CANCELLED, INTERNAL
from overpaint.cli.opening import show
from overpaint.cli.options import Common
from overpaint.cli.pacing import Failures, pacing
from overpaint.cli.progress import cancelling
from overpaint.cli.running import opened, quiet
from overpaint.cli.words import duration, one_line, say
from overpaint.errors import UsageError
from overpaint.images import save_picture
from overpaint.inversions.cache import Cache
from overpaint.inversions.choice import known as known_inversion
from overpaint.meter import Cancelled, Meter
from overpaint.near import nearest
from overpaint.run.loading import threads

INVERSIONS = "inversions"
COSTED = "object"
"""The type of edit whose first case shows what methods cost."""


@dataclass(frozen=True)
class Wanted:
    """What was said on the command line."""

    methods: tuple[str, ...]
    inversions: tuple[str, ...]
    sets: Mapping[str, str]
    steps: int | None
    types: tuple[str, ...]
    limit: int | None
    seeds: str
    give: tuple[str, ...]
    again: bool
    pictures: bool
    opening: bool
    out: Path

    @property
    def options(self) -> dict[str, str]:
        """The options to set."""
        return {**self.sets, **({} if self.steps is None else {"steps": str(self.steps)})}


def still_life(wanted: Wanted, common: Common) -> int:
    """On drawn pictures; the exit code."""
    return measured(cases(wanted.seeds, wanted.types, wanted.limit), wanted, common)


def pie(data: Path, wanted: Wanted, weights: Path | None, mapping: str | None, common: Common) -> int:
    """On a folder of PIE-Bench's layout or a plain one; the published table is printed beside ours."""
    by = yardsticks(weights)
    found = read(data, partial(figures, by=by), mapping, by.marks)
    for sentence in by.missing:
        say(sentence)
    for name, sentence in found.problems:
        say(f"{name}: {sentence}")
    if not found.cases:
        raise UsageError(f"No case of {data} can be used; a line each says what is wrong with it.")
    kinds = {case.kind for case in found.cases}
    for name in wanted.types:
        if name not in kinds:
            raise UsageError(f"No case of {data} is of the type {name!r}; {nearest(name, sorted(kinds))}")
    chosen = [case for case in found.cases if not wanted.types or case.kind in wanted.types]
    code = measured(chosen[: wanted.limit], wanted, common)
    click.echo(f"\n{published()}", nl=False)
    return code or (INTERNAL if found.problems else 0)


def make_pie(folder: Path, each: int) -> None:
    """Write a data set of that layout, drawn."""
    place = make(folder, cases(limit=each * len(TYPES)))
    click.echo(one_line(f"Wrote {place}; measure on it with: overpaint bench pie {folder}"))


def measured(chosen: Sequence[Case], wanted: Wanted, common: Common) -> int:
    """Say what there is to do, do it, and sum up; the exit code."""
    if wanted.opening and not wanted.pictures:
        raise UsageError("Without pictures there is no sheet to open; leave --open or --no-pictures out.")
    metrics()
    told = Failures()
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        model = opened(common)
        methods = variants(wanted.methods or ("p2p",), wanted.inversions, wanted.options, model, wanted.give)
        results = Results.opened(wanted.out)
        stack.enter_context(model.keeping(Cache(wanted.out / INVERSIONS)))
        answered = any(case.scenes is not None for case in chosen)
        bench = Bench(
            chosen, [*references(answered), *methods], model, results, wanted.again, wanted.pictures, Meter()
        )
        say_plan(bench)
        try:
            with cancelling(bench.meter):
                if again := outdated(bench):
                    with pacing(again, told) as note:
                        measure_again(bench, note)
                with pacing(bench.missing(), told) as note:
                    run(bench, note)
        except Cancelled:
            say("Stopped; the same command goes on where this one ends.")
            return CANCELLED
        return say_end(bench, told, wanted.opening)


def say_plan(bench: Bench) -> None:
    """How many edits and rows, about how long, and what of the folder does not count."""
    whole = len(bench.cases) * sum(not variant.reference for variant in bench.variants)
    found = list(estimates(bench))
    edits = sum(count for _, count, _ in found)
    rows_most = sum(count * one.rows[1] for _, count, one in found)
    seconds = float(sum(count * one.seconds[1] for _, count, one in found))
    there = f", {whole - edits} of which are done" if edits < whole else ""
    say(
        f"{whole} edits{there}: at most {rows_most} rows through the network, about {duration(seconds)}; "
        f"results go to {bench.results.folder}"
    )
    say_outdated(bench)
    others = bench.results.others([bench.row(variant) for variant in bench.variants])
    if others:
        say(
            f"The folder also holds {others} results of these methods with other options, another model or "
            "another version of the code; they stay, as rows of their own."
        )
    if bench.results.damaged:
        say(f"{bench.results.damaged} lines of {bench.results.file} cannot be read and do not count.")


def say_outdated(bench: Bench) -> None:
    """Which results lack figures that could be had now."""
    again, lost = sum(len(several) for _, several in outdated(bench)), blind(bench)
    if again:
        say(f"{again} results are measured again, by networks that have not measured them yet.")
    if lost:
        say(
            f"{lost} results lack figures of networks that are here now, as no picture of them was kept; "
            "make them anew with another --out."
        )


def say_end(bench: Bench, told: Failures, opening: bool) -> int:
    """The table of this run, where its pictures are, what failed and was not said yet; the exit code."""
    lines = [line for case in bench.cases for v in bench.variants if (line := bench.line(case, v))]
    found = rows(lines)
    click.echo(markdown(found), nl=False)
    say_beside(found)
    sheet = contact_sheet(bench) if bench.keep else None
    if sheet is not None:
        place = save_picture(sheet, bench.results.folder / SHEET, {}, overwrite=True)
        say(f"Pictures: {place}")
        if opening:
            show(place)
    return say_failures([bench], told)


def say_failures(benches: Sequence[Bench], told: Failures) -> int:
    """What failed and was not said yet; the exit code."""
    failed = [one for bench in benches for one in failures(bench)]
    for sentence in filter(None, (told.line(*one) for one in failed)):
        say(sentence)
    return INTERNAL if failed else 0


def say_beside(found: Sequence[Row]) -> None:
    """What was published of the same, where rows are of the published data."""
    if told := beside(found):
        click.echo(f"\n{told}", nl=False)


def print_costs(
    methods: Sequence[str],
    inversions: Sequence[str],
    sets: Mapping[str, str],
    give: Sequence[str],
    common: Common,
) -> None:
    """The table of what methods cost, on the first case of a thing that is exchanged."""
    (case,) = cases(types=[COSTED], limit=1)
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        model = opened(common)
        chosen = variants(methods, inversions, sets, model, give or GIFTS[:1])
        console = Console(stderr=True)
        shown = stack.enter_context(Progress(console=console, disable=not console.is_terminal))
        task = shown.add_task("cost", total=len(chosen))
        note = partial(shown.update, task, advance=1)
        found = list(costs(model, case, chosen, lambda one: note(description=one_line(one.title)[:40])))
    click.echo(markdown_of_costs(found), nl=False)


def print_footprints(methods: Sequence[str], inversions: Sequence[str], family: str) -> None:
    """The table of what methods take at the most."""
    for name in inversions:
        known_inversion(name)
    chosen, console = takers(methods, family), Console(stderr=True)
    with quiet(), Progress(console=console, disable=not console.is_terminal) as shown:
        total = len(chosen) * max(1, len(inversions))
        found = list(shown.track(footprints(chosen, family, inversions), total=total, description="memory"))
    click.echo(markdown_of_footprints(found), nl=False)


def print_table(folder: Path, as_csv: bool) -> None:
    """The table of all results in a folder."""
    results = Results.read(folder)
    found = rows(list(results.lines.values()))
    click.echo(csv_of(found) if as_csv else everything(found), nl=False)
    if not as_csv:
        say_beside(found)
    if results.damaged:
        say(f"{results.damaged} lines of {results.file} cannot be read and do not count.")


def draw_sheet(folder: Path, output: Path, methods: Sequence[str], types: Sequence[str], force: bool) -> None:
    """The first fixed case of each type by the methods of a folder of results, on one sheet."""
    found = cases(types=types, limit=len(types) or len(TYPES))
    drawn = result_sheet(Results.read(folder), found, methods)
    say(f"Wrote {save_picture(drawn, output, {}, overwrite=force)}")


def publish_results(folder: Path, output: Path, opening: bool) -> None:
    """Publish a folder of results, with the pictures of the first fixed case of each type."""
    first = [case for kind in TYPES for case in cases(types=[kind], limit=1)]
    files = publish(Results.read(folder), output, first)
    say(f"Wrote {len(files)} files to {output}; the page is {files[-1]}")
    if opening:
        show(files[-1])
