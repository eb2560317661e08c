"""How long edits take where nothing else works: said before, done under a bar, and kept with the results."""

from collections.abc import Collection, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from overpaint.bench.results import Results, row_key
from overpaint.bench.timing import Timing, measure_time, timed, timing_of
from overpaint.cli.app import CANCELLED, INTERNAL
from overpaint.cli.options import Common
from overpaint.cli.progress import cancelling
from overpaint.cli.running import opened, quiet
from overpaint.cli.words import duration, one_line, say
from overpaint.errors import UsageError
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.near import nearest
from overpaint.run.loading import threads


def note_times(folder: Path, methods: Sequence[str], few: int, again: bool, common: Common) -> int:
    """Measure the time of a few edits of every row; the exit code."""
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        Results.read(folder)
        results = Results.opened(folder)
        asked = timing_of(results, opened(common), rows_of(results, methods), few, again)
        try:
            return INTERNAL if under_bar(asked) else 0
        except Cancelled:
            say("Stopped; the same command goes on where this one ends.")
            return CANCELLED


def rows_of(results: Results, methods: Sequence[str]) -> set[str] | None:
    """The rows of these methods; nothing where none is named.

    Raises:
        UsageError: there is no row of a method.
    """
    found = [lines[0] for lines in timed(results).values()]
    names = dict.fromkeys(str(line["method"]) for line in found)
    for name in methods:
        if name not in names:
            raise UsageError(f"There is no row of {name!r} in {results.folder}; {nearest(name, names)}")
    return {row_key(line) for line in found if line["method"] in methods} if methods else None


def note_missing_times(results: Results, model: Model, rows: Collection[str]) -> None:
    """Measure the time of these rows as far as they have none, unless another process does so.

    Raises:
        Cancelled: it was stopped; all that was finished is on disk.
    """
    asked = timing_of(results, model, rows)
    if asked.todo:
        try:
            under_bar(asked)
        except UsageError as error:
            say(str(error))


def under_bar(asked: Timing) -> list[str]:
    """Say what there is to do, do it, and show how far it is; a sentence for each edit that failed.

    Raises:
        UsageError: another process does so in that folder.
        Cancelled: it was stopped; all that was finished is on disk.
    """
    about = f", about {duration(asked.seconds)}" if asked.todo else ""
    say(f"Edits made for their time alone: {len(asked.todo)}{about}; rows whose time is known: {asked.done}")
    for title, why in asked.left.items():
        say(f"{title} is left as it is: {why.rstrip('.')}.")
    console, meter, failed = Console(stderr=True), Meter(), list[str]()
    with cancelling(meter), Progress(console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("time", total=max(len(asked.todo), 1))

        def note(title: str, why: str) -> None:
            shown.update(task, advance=1, description=one_line(title)[:40])
            if why:
                failed.append(f"{title}: {why}")

        done = measure_time(asked, meter, note)
    for sentence in failed:
        say(sentence)
    if not done:
        raise UsageError(
            f"Another process measures time in {asked.results.folder}, and two would disturb each other; "
            "wait until it is done."
        )
    return failed
