"""What tells good edits in a folder of results: found anew, and learned from."""

from contextlib import ExitStack
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from overpaint.bench.agreeing import distances
from overpaint.bench.case import Case
from overpaint.bench.learning import learn
from overpaint.bench.learning import markdown as markdown_of_signals
from overpaint.bench.portfolio import learn_choices
from overpaint.bench.portfolio import markdown as markdown_of_choices
from overpaint.bench.results import Line, Results
from overpaint.bench.run import planned
from overpaint.bench.telling import Telling, tell, telling_of
from overpaint.bench.variant import Variant
from overpaint.bench.worth import FILE as WORTH
from overpaint.bench.worth import as_text as worth
from overpaint.choosing import choices, score
from overpaint.cli.app import CANCELLED
from overpaint.cli.options import Common
from overpaint.cli.progress import cancelling
from overpaint.cli.running import opened, quiet
from overpaint.cli.words import duration, one_line, say
from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.meter import Cancelled, Meter
from overpaint.run.estimate import look_folder, speed_of
from overpaint.run.loading import threads

SCORE, CHOICES = score.DATA.name, choices.DATA.name


def tell_signals(folder: Path, common: Common) -> int:
    """Find the signals of a folder's edits anew; the exit code."""
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        Results.read(folder)
        asked, meter = telling_of(Results.opened(folder), opened(common)), Meter()
        say_plan(asked)
        console = Console(stderr=True)
        try:
            with (
                cancelling(meter),
                Progress(console=console, disable=not console.is_terminal) as shown,
            ):
                task = shown.add_task("signals", total=max(asked.edits, 1))

                def note(case: Case, line: Line) -> None:
                    shown.update(task, advance=1, description=one_line(case.name)[:40])

                tell(asked, meter, note)
        except Cancelled:
            say("Stopped; the same command goes on where this one ends.")
            return CANCELLED
        return 0


def say_plan(asked: Telling) -> None:
    """How many edits and rows, about how long, and what is left alone."""
    say(
        f"{asked.edits} edits: at most {asked.rows} rows through the network, about "
        f"{duration(seconds_of(asked))}; {asked.done} are known already"
    )
    if asked.blind:
        say(f"{asked.blind} cannot be looked at: no picture of them was kept, or they are not Still Life's.")
    if asked.others:
        say(f"{asked.others} are of another model and stay as they are.")


def seconds_of(asked: Telling) -> float:
    """About how long it takes."""
    for name in asked.todo:
        case = asked.cases[name]
        job = planned(asked.model, case, case.pictures(), Variant("sdedit"))
        speed = speed_of(job, look_folder())
        return asked.rows * speed.row + asked.edits * speed.codec
    return 0.0


def learn_score(folder: Path, output: Path | None, force: bool) -> None:
    """Learn from a folder of results the trusted score and what to try first; print what both are worth."""
    results = Results.read(folder)
    lines = list(results.lines.values())
    learned, place = learn(lines), output or folder
    taken = [name for name in (SCORE, CHOICES) if (place / name).exists()]
    if output is not None and taken and not force:
        raise UsageError(
            f"There is a file {place / taken[0]} already; choose another folder, or say --force."
        )
    click.echo(markdown_of_signals(learned))
    chosen = learn_choices(lines, distances(results))
    click.echo(markdown_of_choices(chosen), nl=False)
    files = {
        SCORE: learned.score.model_dump_json(indent=1) + "\n",
        CHOICES: chosen.choices.model_dump_json(indent=1) + "\n",
        WORTH: worth(learned, chosen),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            atomic.write(place / name, text.encode())
    except OSError as error:
        raise UsageError(
            f"The folder {place} cannot be written to ({error.strerror or error}); choose another."
        ) from None
    say(f"Wrote {SCORE}, {CHOICES} and {WORTH} to {place}, learned from {learned.score.cases} edits.")
