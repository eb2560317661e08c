import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from overpaint.errors import UsageError
from overpaint.ledger.entry import Entry, LedgerError
from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import Ledger
from overpaint.ledger.shelf import Shelf
from overpaint.ledger.worker import Do, Hand, Worker
from overpaint.meter import Meter


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def does(entry: Entry, meter: Meter) -> Mapping[str, Any]:
    match entry.work["do"]:
        case "fail":
            raise UsageError("It cannot be.")
        case "break":
            raise KeyError("oops")
        case _:
            return {"did": entry.work["do"]}


def test_every_end_is_kept_and_told(ledger: Ledger) -> None:
    ids = [ledger.add({"do": what}) for what in ("it", "fail", "break", "that")]
    told = list[str]()
    Worker(ledger, does, lambda entry: told.append(entry.id)).run()
    assert told == ids
    entries = [ledger.get(id) for id in ids]
    assert [entry.state for entry in entries] == ["done", "failed", "failed", "done"]
    assert [entry.said[:23] for entry in entries[1:3]] == ["It cannot be.", "Internal error (KeyErro"]
    assert not list((ledger.folder / "workers").glob("*")), "a worker leaves no lock"


class Slow:
    """Ticks until it is stopped."""

    def __init__(self) -> None:
        self.began = Event()

    def __call__(self, entry: Entry, meter: Meter) -> Mapping[str, Any]:
        self.began.set()
        for _ in range(1000):
            meter.tick("rows")
            time.sleep(0.01)
        return {}


def running(ledger: Ledger, do: Do) -> tuple[Worker, Thread]:
    worker = Worker(ledger, do)
    thread = Thread(target=worker.run, args=(True,))
    thread.start()
    return worker, thread


def test_running_work_is_cancelled_and_a_stopped_worker_gives_its_work_back(ledger: Ledger) -> None:
    one, two = ledger.add({"n": 1}), ledger.add({"n": 2})
    do = Slow()
    worker, thread = running(ledger, do)
    assert do.began.wait(30)
    do.began.clear()
    ledger.cancel(one)
    assert do.began.wait(30), "the next begins"
    worker.stop.set()
    thread.join(30)
    assert not thread.is_alive()
    assert [ledger.get(one).state, ledger.get(two).state] == ["cancelled", "queued"]
    assert ledger.get(two).attempts == 0


def test_a_queue_that_could_not_be_written_for_a_while_cancels_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, hand = ledger.add({"n": 1}), Hand(ledger, Slow(), look=0.01)

    def locked(*args: object) -> bool:
        raise LedgerError("locked by somebody")

    monkeypatch.setattr(ledger, "beat", locked)
    with Holder(ledger.folder) as holder, pytest.raises(LedgerError, match="locked by somebody"):
        entry = ledger.lease(holder)
        assert entry is not None
        hand.worked(entry)
    assert (ledger.get(id).state, ledger.get(id).attempts) == ("queued", 0), "nobody asked for it to stop"


def test_files_are_kept_by_content_and_damage_is_noticed(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "results")
    blob = shelf.put(b"picture", ".png")
    assert shelf.put(b"picture", ".png") == blob and shelf.read(blob, ".png") == b"picture"
    shelf.place(blob, ".png").write_bytes(b"pict")
    with pytest.raises(UsageError, match="not kept any more"):
        shelf.read(blob, ".png")
