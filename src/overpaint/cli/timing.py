"""How long edits take where nothing else works: said before, done under a bar, and kept with the results."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from overpaint.bench.results import Results
from overpaint.bench.timing import Timing, measure_time, timing_of
from overpaint.cli.app import CANCELLED
from overpaint.cli.options import Common
from overpaint.cli.progress import cancelling
from overpaint.cli.running import opened, quiet
from overpaint.cli.words import duration, one_line, say
from overpaint.errors import UsageError
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run.loading import threads


def note_times(folder: Path, methods: Sequence[str], few: int, again: bool, common: Common) -> int:
    """Measure the time of a few edits of every row; the exit code."""
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        Results.read(folder)
        asked, meter = timing_of(Results.opened(folder), opened(common), methods, few, again), Meter()
        say_plan(asked)
        try:
            with cancelling(meter):
                done = under_bar(asked, meter)
        except Cancelled:
            say("Stopped; the same command goes on where this one ends.")
            return CANCELLED
        if not done:
            raise UsageError(
                f"Another process measures time in {folder}, and two would disturb each other; wait until it "
                "is done."
            )
        return 0


def note_missing_times(results: Results, model: Model) -> None:
    """Measure the time of rows that have none, unless another process does so.

    Raises:
        Cancelled: it was stopped; all that was finished is on disk.
    """
    asked, meter = timing_of(results, model), Meter()
    if asked.todo:
        say_plan(asked)
        with cancelling(meter):
            under_bar(asked, meter)


def say_plan(asked: Timing) -> None:
    """How many edits, about how long, and what is left alone."""
    about = f", about {duration(asked.seconds)}" if asked.todo else ""
    say(f"Edits made for their time alone: {len(asked.todo)}{about}; rows whose time is known: {asked.done}")
    if asked.left:
        say(f"Of another model, other options than today's, or not of Still Life: {', '.join(asked.left)}.")


def under_bar(asked: Timing, meter: Meter) -> bool:
    """Measure, and show how far it is; whether it was done, and not by another process in that folder."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("time", total=max(len(asked.todo), 1))

        def note(title: str) -> None:
            shown.update(task, advance=1, description=one_line(title)[:40])

        return measure_time(asked, meter, note)
