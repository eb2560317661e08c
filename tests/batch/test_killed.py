"""A batch killed at moments spread over all of it: every picture is there in the end, each made as often as
needed and put in its place once."""

from pathlib import Path

import pytest
from tests.batch.kit import QUICK, filled
from tests.cli.kit import TARGET
from tests.kills import Say, Work, demand, ignored, killed, spread
from tests.kit import shared

from overpaint.batch.asking import Asked
from overpaint.batch.batch import Batch
from overpaint.batch.doing import Doer, Tools
from overpaint.batch.listing import listed
from overpaint.batch.naming import Names
from overpaint.batch.place import Place, ledger_folder
from overpaint.images import load_picture, pixels_hash
from overpaint.ledger.entry import Entry
from overpaint.ledger.queue import Ledger
from overpaint.ledger.worker import Worker
from overpaint.meter import Meter
from overpaint.model import Model


class Tiny(Tools):
    """On the model of the tests."""

    def model(self, told: object) -> Model:
        return shared()


def a_batch(folder: Path, say: Say) -> object:
    if not (folder / "in").exists():
        filled(folder / "in")
    place = Place.of(str(folder / "out"))
    batch = Batch(place, Asked("sdedit", {"target": TARGET, "seed": 0}, QUICK), Names())
    ledger = Ledger(ledger_folder(place))
    batch.put(listed(str(folder / "in")), ledger)
    say("queued")
    doer = Doer(ledger, place, Tiny(cache=False, look=False), beside=ledger.folder)

    def do(entry: Entry, meter: Meter) -> object:
        meter.on_tick = lambda meter: say(f"network call {meter.calls}")
        made = doer(entry, meter)
        say("in its place, not yet done")
        return made

    Worker(ledger, do, lambda entry: say("done")).run()  # pyright: ignore[reportArgumentType]
    return batch.counts(ledger), [entry.said for entry in batch.ended(ledger, "failed")]


def outputs(out: Path) -> dict[Path, str]:
    every = (one for one in out.rglob("[!.]*.png") if ".overpaint" not in one.parts)
    return {one: pixels_hash(load_picture(one)) for one in every}


def check(folder: Path) -> str:
    out = folder / "out"
    there = outputs(out)
    made = [one.stat().st_mtime_ns for one in there]
    counts = a_batch(folder, ignored)
    demand(counts == ({"done": 3}, []), f"the batch ends with {counts}")
    demand(made == [one.stat().st_mtime_ns for one in there], "a picture in its place was written again")
    after = outputs(out)
    demand(len(after) == 3 and there.items() <= after.items(), "a picture is missing or another one")
    demand(not list((out / ".overpaint" / "made").glob("[!.]*")), "something waits beside the queue")
    return f"{len(there)} there, 3 in the end"


BATCH = Work("batch", a_batch, check)


def test_a_kill_loses_nothing_and_does_nothing_twice() -> None:
    for stop in spread(BATCH, 6)[1:5]:
        killed(BATCH, stop)


@pytest.mark.slow
def test_a_kill_at_any_moment_loses_nothing() -> None:
    outcomes = [killed(BATCH, stop) for stop in spread(BATCH, 30)]
    assert len({one.moment for one in outcomes}) > 5
