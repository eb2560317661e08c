"""Progress on the way: a bar for people who watch, previews for those who ask, and a way to stop."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from overpaint.card import Cost
from overpaint.errors import OverpaintError
from overpaint.images import save_picture
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.path import Latent
from overpaint.run.preview import Preview

EVERY = 0.5
"""Seconds between two previews."""
Counted = Literal["rows", "items", "updates"]


def counted(cost: Cost) -> tuple[int, Counted]:
    """What a bar counts, and how many there are: rows, or updates where no row is asked."""
    return (cost.rows[1], "rows") if cost.rows[1] else (cost.updates[1], "updates")


@contextmanager
def progress(
    title: str, total: int, meter: Meter, always: bool = False, of: Counted = "rows"
) -> Generator[None, None, None]:
    """A bar on the error stream while the meter counts up to ``total``; where nobody looks, on request.

    ``of`` says what is counted.
    """
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not (console.is_terminal or always)) as bar:
        task = bar.add_task(title, total=max(total, 1))

        def tick(meter: Meter) -> None:
            bar.update(task, completed=getattr(meter, of))

        meter.on_tick = tick
        yield
        bar.update(task, completed=max(total, 1))


@contextmanager
def cancelling(meter: Meter) -> Generator[None, None, None]:
    """Ctrl-C asks the work to stop at the next tick; a second one does not wait for it."""

    def stop(number: int, frame: FrameType | None) -> None:
        if meter.cancelled:
            raise KeyboardInterrupt
        meter.cancel()

    try:
        before = signal.signal(signal.SIGINT, stop)
    except ValueError:  # signals reach the main thread alone; elsewhere there is no Ctrl-C
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def previewing(meter: Meter, model: Model, path: Path, fresh_name: bool = False) -> list[Path]:
    """Keep writing what the result looks like so far; the list will hold where, once it is written."""
    fitted, last, places = Preview.fit(model), [0.0], list[Path]()

    def show(x0: Latent) -> None:
        if perf_counter() - last[0] >= EVERY:
            last[0] = perf_counter()
            try:
                picture, first = fitted.picture(x0, model.family.factor), fresh_name and not places
                where = places[-1] if places else path
                places[:] = [save_picture(picture, where, overwrite=not first, fresh_name=first)]
            except OverpaintError:
                meter.on_preview = None  # a preview that cannot be written must not end the edit

    meter.on_preview = show
    return places
