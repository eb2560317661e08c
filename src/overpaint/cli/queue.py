"""``overpaint queue``: what waits, runs and is done, and steering it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from overpaint.cli.words import one_line
from overpaint.errors import UsageError
from overpaint.ledger.database import FILE as LEDGER
from overpaint.ledger.entry import STATES, Entry, State
from overpaint.ledger.queue import Ledger

DAY = 24 * 3600.0
ACTIONS = ("list", "show", "cancel", "retry", "pause", "resume", "first", "last", "prune")


@click.command(short_help="Look at waiting work, and steer it.")
@click.argument("folder")
@click.argument("action", type=click.Choice(ACTIONS), default="list")
@click.argument("ids", nargs=-1)
@click.option("--state", type=click.Choice(STATES), help="List only work of this state.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most that is listed.")
@click.option("--days", type=click.FloatRange(0), default=0.0, help="Prune only what is over for so long.")
@click.option("--json", "as_json", is_flag=True, help="Print for programs.")
def command(
    folder: str,
    action: str,
    ids: tuple[str, ...],
    state: State | None,
    limit: int,
    days: float,
    as_json: bool,
) -> None:
    """Look at the work of FOLDER, which a batch writes to, or steer it.

    show, cancel, retry, first and last take the IDS that list prints, or beginnings of them; retry without
    one takes all work that failed. pause hands out no more work, resume does again, prune forgets what is
    over.
    """
    ledger = opened(folder)
    if action in ("list", "show"):
        shown = [ledger.get(id) for id in ids] if action == "show" else ledger.entries(state, limit)
        click.echo(json.dumps([asdict(entry) for entry in shown]) if as_json else told(ledger, shown, action))
    else:
        click.echo(steered(ledger, action, ids, days))


def opened(folder: str) -> Ledger:
    """The ledger of what is written to a folder, or the one in it.

    Raises:
        UsageError: there is none, and none is made.
    """
    from overpaint.batch.place import Place, ledger_folder  # late: help needs nothing of it

    for place in (ledger_folder(Place.of(folder)), Path(folder)):
        if (place / LEDGER).is_file():
            return Ledger(place)
    raise UsageError(f"There is no queue in {folder}; name the folder that a batch writes to.")


def told(ledger: Ledger, entries: Sequence[Entry], action: str) -> str:
    """The queue for people, a line each; all there is to know of those that were asked for."""
    if action == "show":
        return "\n\n".join(
            "\n".join(f"{name}: {one_line(str(value))}" for name, value in asdict(entry).items())
            for entry in entries
        )
    counts = ledger.counts()
    head = ", ".join(f"{counts[state]} {state}" for state in STATES if state in counts) or "Nothing in it"
    lines = [f"{head}{' (paused)' if ledger.paused else ''}"]
    for entry in entries:
        what = one_line(str(entry.work.get("name") or entry.work))[:60]
        more = f" {entry.progress:.0%}" if entry.state == "running" else f": {one_line(entry.said)}"
        lines.append(f"{entry.id}  {entry.state:9}  {what}{more if entry.said or entry.progress < 1 else ''}")
    return "\n".join(line.rstrip(": ") for line in lines)


def steered(ledger: Ledger, action: str, ids: tuple[str, ...], days: float) -> str:
    """Do what was asked, and say what came of it.

    Raises:
        UsageError: it takes ids and there are none, or the work is not in a state for it.
    """
    match action:
        case "pause" | "resume":
            ledger.pause(action == "pause")
            return "Paused: what runs goes on." if ledger.paused else "Work is handed out again."
        case "prune":
            return f"Forgot {ledger.prune(days * DAY)} pieces of work that were over."
        case "retry" if not ids:
            return f"Queued {ledger.retry_failed()} anew."
        case _:
            if not ids:
                raise UsageError(f"Say which work to {action}, by the ids that list prints.")
            of: dict[str, Callable[[str], object]] = {
                "cancel": ledger.cancel,
                "retry": ledger.retry,
                "first": ledger.move,
                "last": lambda id: ledger.move(id, first=False),
            }
            for id in ids:
                of[action](id)
            states = (f"{ledger.get(id).id} is {ledger.get(id).state}" for id in ids)
            return "\n".join(f"{each}, and will stop" if "running" in each else each for each in states)
