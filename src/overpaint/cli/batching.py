"""The batch's work: rows are queued, done under a bar, and summed up."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from typing import Any, Protocol, runtime_checkable

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from overpaint.batch.asking import Asked, Work
from overpaint.batch.batch import Batch
from overpaint.batch.cluster import Cluster, Crew, check_ray, connected
from overpaint.batch.doing import Doer, Tools
from overpaint.batch.forecast import Forecast
from overpaint.batch.listing import Listing, listed
from overpaint.batch.masking import Masks
from overpaint.batch.naming import Names
from overpaint.batch.place import Place, checked, is_far, ledger_folder
from overpaint.batch.report import FILE as REPORT
from overpaint.batch.report import summed_up, write_report
from overpaint.batch.row import WHERE
from overpaint.cli.app import CANCELLED, INTERNAL
from overpaint.cli.batch import Said
from overpaint.cli.facts import limits
from overpaint.cli.options import Common
from overpaint.cli.remote import condition
from overpaint.cli.running import opened, quiet
from overpaint.cli.words import duration, one_line, say
from overpaint.errors import UsageError
from overpaint.files.fingerprint import file_hash
from overpaint.files.sizes import amount
from overpaint.ledger.database import FILE as LEDGER
from overpaint.ledger.entry import Entry
from overpaint.ledger.queue import Ledger
from overpaint.ledger.worker import Worker
from overpaint.run.loading import threads
from overpaint.run.sided import parsed
from overpaint.sides.file import SideFile

FIRST = 10
"""Rows that a dry run shows as they will be."""
EVERY = 30.0
"""Seconds between two lines about how far it is, where nobody watches a bar."""
LOOK = 2.0
"""Seconds between two looks at what other workers have done."""


def batch(said: Said, common: Common) -> int:
    """Queue, do and sum up; the exit code."""
    check_engine(said)
    out = Place.of(said.out)
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        if not common.dry_run and not common.overwrite:
            check_report(out)
        batch = Batch(out, asked(said, common), Names(said.name), common.overwrite, said.skip_existing)
        listing = listed(said.input, lines())
        if common.dry_run:
            return tried(batch, listing, said, common)
        ledger = Ledger(ledger_folder(out))
        batch.put(listing, ledger, said.limit)
        say_queued(batch, ledger, batch.retry(ledger) if said.retry_failed else 0)
        worker = engine(said, common, stack, ledger, out)
        with stopping(worker), bar(batch, ledger, worker):
            worker.run()
        return say_end(batch, ledger, common, worker.stop.is_set())


@runtime_checkable
class Runs(Protocol):
    """Does what waits, here or elsewhere."""

    note: Callable[[Entry], None]
    stop: Event

    def run(self) -> None: ...


def engine(said: Said, common: Common, stack: ExitStack, ledger: Ledger, out: Place) -> Runs:
    """Who does the work."""
    if said.engine == "local":
        doer = Doer(ledger, out, tools(common), common.overwrite, ledger.folder)
        return Worker(ledger, doer)
    stack.enter_context(connected())
    crew = Crew(said.workers, said.gpus, common.threads)
    return Cluster(ledger, out, tools(common), common.overwrite, crew)


def check_engine(said: Said) -> None:
    """Refuse what only the other engine takes.

    Raises:
        UsageError: there is some.
    """
    for name, value in (("--workers", said.workers), ("--gpus", said.gpus)):
        if said.engine == "local" and value is not None:
            raise UsageError(f"{name} is for --engine ray; a local batch is one worker on --device.")
    if said.engine == "ray":
        check_ray()


def lines() -> Iterator[str]:
    """The lines of standard input, which may name files in bytes that are no text."""
    for line in sys.stdin.buffer:
        yield os.fsdecode(line)


def tried(batch: Batch, listing: Listing, said: Said, common: Common) -> int:
    """Say what a batch would take, and write nothing; the exit code."""
    forecast, first = Forecast(tools(common)), list[Work]()
    for _, work in batch.works(listing, said.limit):
        forecast.add(work)
        first += [work] if len(first) < FIRST else []
    return say_forecast(batch, forecast, first, common, said.workers or 1)


def check_report(out: Place) -> None:
    """Refuse a folder in which somebody else's file has the name of the report.

    Raises:
        UsageError: there is one.
    """
    if (ledger_folder(out) / LEDGER).is_file():
        return
    names = out.names()
    there = Path(out.at(REPORT)).exists() if names is None else REPORT in names
    if there:
        raise UsageError(
            f"{out.at(REPORT)} was not written by a batch; choose another folder, or say --overwrite."
        )


def asked(said: Said, common: Common) -> Asked:
    """What holds for all rows."""
    request = {"source": said.source, "target": said.target, "seed": said.seed, **common.framing}
    folder = "."
    if said.input != "-":
        address = checked(said.input)
        folder = address.rpartition("/")[0] if is_far(address) else str(Path(address).parent)
    return Asked(
        said.method,
        request,
        said.options,
        where(common),
        None if said.masks is None else Masks.in_folder(str(said.masks)),
        common.controls,
        tuple(map(held, common.controls)),
        model(common),
        common.quality,
        limits(common),
        folder,
    )


def held(control: str) -> str:
    """What a side network and the picture that it looks at hold, as hashes.

    Raises:
        UsageError: there is no such network.
    """
    how = parsed(control)
    seen = condition(how)
    return " ".join([SideFile.of(how.net).fingerprint, *([] if seen is None else [file_hash(seen)])])


def where(common: Common) -> dict[str, Any]:
    """What says where all pictures may change.

    Raises:
        UsageError: two things do.
    """
    said = {name: getattr(common, name) for name in WHERE}
    found = {name: value for name, value in said.items() if value not in (None, False)}
    if len(found) > 1:
        one, other, *_ = (f"--{name.replace('_', '-')}" for name in found)
        raise UsageError(f"{one} and {other} both say where pictures may change; give one of them.")
    return found | ({"mask": checked(str(common.mask))} if common.mask is not None else {})


def model(common: Common) -> dict[str, Any]:
    """What the model is loaded by, the same wherever the command is given, and a hash of its weights."""
    loaded, name = opened(common), common.model or "still-life"
    place = str(Path(name).absolute()) if Path(name).exists() else name
    origin = loaded.origin.model_dump(mode="json")
    return {"name": place, "dtype": common.dtype, "origin": origin, "weights": loaded.fingerprint}


def tools(common: Common) -> Tools:
    """How the work is done on this machine."""
    return Tools(
        common.device,
        common.offload,
        common.download,
        common.memory,
        common.cache,
        common.look,
        limits(common),
    )


def say_queued(batch: Batch, ledger: Ledger, retried: int) -> None:
    """What there is to do, and what cannot be done."""
    for one in batch.problems:
        click.echo(one_line(f"{one.title} (row {one.number}): {one.sentence}"), err=True)
    counts = batch.counts(ledger)
    over = {"done": "done before", "failed": "failed before", "cancelled": "cancelled before"}
    said = [f"{counts[state]} {words}" for state, words in over.items() if counts.get(state)]
    said += [f"{retried} tried again"] if retried else []
    said += [f"{batch.skipped} left out, since their outputs are there"] if batch.skipped else []
    said += [f"{len(batch.problems)} cannot be done"] if batch.problems else []
    said += [f"{batch.superseded} waiting ones of an earlier command given up"] if batch.superseded else []
    todo = counts.get("queued", 0) + counts.get("running", 0)
    say(f"{todo} pictures to edit{''.join(f', {one}' for one in said)}.")
    others = ledger.counts().get("queued", 0) - counts.get("queued", 0)
    if others > 0:
        say(f"{others} of an earlier command wait in this folder too, and are done as well.")
    if ledger.paused:
        say(f"The queue is paused; it goes on after: overpaint queue {batch.out.address} resume")


def say_forecast(batch: Batch, forecast: Forecast, first: list[Work], common: Common, workers: int) -> int:
    """What a batch takes on so many such machines, and the first rows as they will be; the exit code."""
    problems = [f"{one.title} (row {one.number}): {one.sentence}" for one in batch.problems]
    if common.as_json:
        facts = {"pictures": forecast.count, "rows": forecast.rows, "seconds": forecast.seconds}
        facts["workers"] = workers
        rest = {"memory": forecast.memory, "first": first, "problems": problems + forecast.problems}
        click.echo(json.dumps(facts | rest))
        return INTERNAL if problems else 0
    for sentence in (*problems, *forecast.problems):
        click.echo(one_line(sentence), err=True)
    click.echo(
        f"{forecast.count} pictures: at most {forecast.rows} rows through the network, about "
        f"{duration(forecast.seconds)}{shared(forecast, workers)}, {amount(forecast.memory)} of memory"
    )
    for work in first:
        request = work["request"]
        said = f"{request['source']!r} → {request['target']!r}" if request["source"] else request["target"]
        seed = f", seed {request['seed']}" if request["seed"] else ""
        click.echo(one_line(f"{work['image']} → {work['name']}: {work['method']}, {said}{seed}"))
    if forecast.count > len(first):
        click.echo(f"… and {forecast.count - len(first)} more")
    return INTERNAL if problems else 0


def shared(forecast: Forecast, workers: int) -> str:
    """How long it takes where several work."""
    return f" ({duration(forecast.seconds / workers)} on {workers} workers)" if workers > 1 else ""


@contextmanager
def stopping(worker: Runs) -> Generator[None, None, None]:
    """Ctrl-C, or a system that ends its jobs, gives the work back; a second time does not wait for it."""

    def stop(number: int, frame: object) -> None:
        if worker.stop.is_set():
            raise KeyboardInterrupt
        worker.stop.set()

    before = {one: signal.signal(one, stop) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def bar(batch: Batch, ledger: Ledger, worker: Runs) -> Generator[None, None, None]:
    """A bar over all rows on the error stream, with those other workers do; a line for each that fails."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as shown:
        task = shown.add_task("batch", total=max(len(batch.ids), 1))
        at = Standing(batch, ledger)

        def note(entry: Entry) -> None:
            if entry.state == "failed":
                words = one_line(f"{entry.work.get('name')}: {entry.said}")
                shown.console.print(words, markup=False, highlight=False, soft_wrap=True)
            at.look()
            shown.update(task, completed=at.over, description=one_line(str(entry.work.get("name")))[-30:])
            if not console.is_terminal:
                at.tell()

        worker.note = note
        shown.update(task, completed=at.over)
        yield


class Standing:
    """How far a batch is, asked for now and then."""

    def __init__(self, batch: Batch, ledger: Ledger) -> None:
        self.batch, self.ledger = batch, ledger
        self.over = self.first = self.counted()
        self.began = self.looked = self.told = time.monotonic()

    def counted(self) -> int:
        """How many rows are over."""
        counts = self.batch.counts(self.ledger)
        return sum(counts.get(state, 0) for state in ("done", "failed", "cancelled"))

    def look(self) -> None:
        """One more is over; now and then all are counted, since others work too."""
        self.over = min(self.over + 1, len(self.batch.ids))
        if time.monotonic() - self.looked > LOOK:
            self.looked, self.over = time.monotonic(), self.counted()

    def tell(self) -> None:
        """A line, where the last one is some time ago."""
        now = time.monotonic()
        if now - self.told > EVERY and self.over > self.first:
            left = (now - self.began) / (self.over - self.first) * (len(self.batch.ids) - self.over)
            say(f"{self.over} of {len(self.batch.ids)}, about {duration(left)} to go")
            self.told = now


def say_end(batch: Batch, ledger: Ledger, common: Common, stopped: bool) -> int:
    """Write the report, and say what came out; the exit code."""
    found = summed_up(batch, ledger)
    place = write_report(batch, ledger, limits(common))
    bad = [(str(one.work["name"]), one.said) for one in found.failed]
    bad += [(f"{one.title} (row {one.number})", one.sentence) for one in batch.problems]
    if common.as_json:
        facts = {"counts": found.counts, "skipped": batch.skipped, "report": place}
        failed = [{"name": name, "error": sentence} for name, sentence in bad]
        click.echo(json.dumps({**facts, "seconds": found.seconds, "failed": failed}))
    else:
        click.echo(one_line(f"{found.words}; {duration(found.seconds)} a picture"))
        click.echo(one_line(f"Wrote {place}"))
    if stopped:
        say("Stopped; the same command goes on where this one ends.")
        return CANCELLED
    return INTERNAL if bad or found.counts.get("cancelled") else 0
