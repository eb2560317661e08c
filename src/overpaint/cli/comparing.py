"""The comparison's work: what there is to do is said, done under a bar, and summed up."""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from overpaint.bench.results import Line
from overpaint.cli.answer import source_for
from overpaint.cli.app import CANCELLED, INTERNAL
from overpaint.cli.facts import limits
from overpaint.cli.opening import show
from overpaint.cli.options import Common
from overpaint.cli.progress import cancelling
from overpaint.cli.running import opened, quiet
from overpaint.cli.words import duration, one_line, say
from overpaint.comparing.comparison import (
    Compared,
    Comparison,
    asking,
    finished,
    growing,
    prepared,
    settled,
)
from overpaint.comparing.forecast import Forecast, forecast
from overpaint.comparing.run import Comparing, Note, run
from overpaint.comparing.seeing import OWN
from overpaint.comparing.trying import Try
from overpaint.files.sizes import amount
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.run.loading import threads


@dataclass(frozen=True)
class Asked:
    """What was said on the command line."""

    picture: Path
    source: str
    target: str
    seed: int
    methods: tuple[str, ...]
    grid: Mapping[str, list[str]]
    sets: Mapping[str, str]
    budget: str | None
    words: tuple[str, ...]
    check: bool
    yes: bool
    show: bool

    def wanted(self, memory: str | None) -> Compared:
        """The same without the picture, and what it may take."""
        own = self.methods, self.grid, self.sets, self.budget, self.words, self.check, self.yes
        return Compared(*own, memory)


def compare(asked: Asked, common: Common) -> int:
    """Say what there is to do, do it, and write the report; the exit code."""
    within = limits(common)
    request = {"source": source_for(asked.picture, asked.source, within), "target": asked.target}
    request |= {"seed": asked.seed, **common.framing}
    wish = asking(asked.picture, request, where=common.where, control=common.controls, limits=within)
    folder = common.output or asked.picture.with_name(f"{asked.picture.stem}-compare")
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        place = stack.enter_context(settled(folder, common.overwrite))
        model = opened(common)
        stack.enter_context(model.lock)
        stack.enter_context(model.keeping(Cache() if common.cache else Cache(place / "inversions")))
        wanted, dry = asked.wanted(common.memory), common.dry_run
        comparing = prepared(wish, model, wanted, place, Meter(), dry)
        if common.dry_run:
            click.echo(json.dumps(plan(comparing)) if common.as_json else "\n".join(told(comparing)))
            return 0
        for line in told(comparing):
            say(line)
        stopped = False
        try:
            with cancelling(comparing.meter), bar(comparing) as note:
                run(comparing, growing(comparing, place, note))
        except (Cancelled, KeyboardInterrupt):
            stopped = True
        found = finished(comparing, place)
    click.echo(for_programs(found) if common.as_json else for_people(found))
    if asked.show:
        show(found.files["report"])
    if stopped:
        say("Stopped; the same command goes on where this one ends.")
        return CANCELLED
    return 0 if len(found) else INTERNAL


def plan(comparing: Comparing) -> dict[str, Any]:
    """What each edit takes, and all that are left to do, for programs."""
    whole = forecast(comparing)
    left = {one.key for one in whole.todo}
    edits = [
        {
            "title": one.title,
            "method": one.cell.method,
            "error": one.error or None,
            "done": one.cost is not None and one.key not in left,
            "rows": None if one.cost is None else one.cost.rows,
            "seconds": None if one.cost is None else one.seconds,
        }
        for one in comparing.tries
    ]
    beside = {"rows": whole.looks + whole.checks, "seconds": whole.beside}
    return {"edits": edits, "rows": whole.rows, "seconds": whole.seconds, "memory": whole.memory} | {
        "beside": beside
    }


def told(comparing: Comparing) -> Iterator[str]:
    """The same for people, and what the edits share."""
    whole = forecast(comparing)
    left = {one.key for one in whole.todo}
    for one in comparing.tries:
        yield one_line(f"{one.title}: {plan_of(one, one.key not in left)}")
    there = sum(one.job is not None for one in comparing.tries) - len(whole.todo)
    done = f" ({there} more are done)" if there else ""
    spared = f", {whole.shared} of which need not be asked for twice" if whole.shared else ""
    bound = "" if comparing.budget is None else f"; nothing is begun after {duration(comparing.budget)}"
    yield (
        f"{len(whole.todo)} edits{done}: at most {whole.rows} rows through the network{spared}, about "
        f"{duration(whole.seconds)}, {amount(whole.memory)} of memory{bound}"
    )
    yield from told_beside(whole)


def told_beside(whole: Forecast) -> Iterator[str]:
    """What is asked of the network beside the edits."""
    parts = [f"{whole.looks} rows to look at the edits"] * bool(whole.looks)
    parts += [f"{whole.checks} rows to ask {whole.asked} of them for nothing"] * bool(whole.asked)
    if parts:
        yield f"Beside them at most {' and '.join(parts)}, about {duration(whole.beside)}"


def plan_of(one: Try, done: bool) -> str:
    """What an edit takes, as the end of a sentence."""
    if one.cost is None:
        return one.error
    rows = " to ".join(map(str, sorted({*one.cost.rows})))
    return f"{rows} rows, about {duration(one.seconds)}{' (done)' if done else ''}"


@contextmanager
def bar(comparing: Comparing) -> Generator[Note, None, None]:
    """A bar over all edits on the error stream; where nobody looks, a line for each that is done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("compare", total=max(len(comparing.missing), 1))

        def note(one: Try, line: Line | None) -> None:
            shown.update(task, advance=int(line is not None), description=one_line(one.title)[:40])
            if line is not None:
                said = line.get("error") or f"{line['figures']['seconds']:.1f} s"
                shown.console.print(one_line(f"{one.title}: {said}"), markup=False, highlight=False)

        yield note


def for_people(found: Comparison) -> str:
    """What came out, a line each, and where to look."""
    lines = list[str]()
    for one in found.cells:
        if one.edit is None:
            lines.append(f"{one.title}: {one.error}")
            continue
        likely = f"likely {one.chance}, " if one.chance else ""
        figures = one.figures
        lines.append(f"{one.title}: {likely}{figures['seconds']:.1f} s, {figures['rows']:.0f} rows")
    lines += [f"Wrote {found.files['report']} and {found.files['sheet']}"]
    return "\n".join(map(one_line, lines))


def for_programs(found: Comparison) -> str:
    """Everything as one object."""
    cells = [
        {
            "title": one.title,
            "method": one.method,
            "error": one.error or None,
            "score": one.score,
            "figures": {name: one.figures[name] for name in OWN if name in one.figures},
            "signals": dict(one.signals),
            "command": one.command or None,
            "options": None if one.recipe is None else one.recipe.options,
        }
        for one in found.cells
    ]
    files = {name: str(place) for name, place in found.files.items()}
    return json.dumps({**files, "cells": cells, "notes": list(found.notes)})
