import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from overpaint.errors import UsageError
from overpaint.ledger.database import FILE
from overpaint.ledger.entry import Entry, LedgerError, Lost
from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import Ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def holder(ledger: Ledger) -> Iterator[Holder]:
    with Holder(ledger.folder) as one:
        yield one


def taken(ledger: Ledger, holder: Holder, seconds: float = 60.0) -> Entry:
    entry = ledger.lease(holder, seconds)
    assert entry is not None
    return entry


def test_work_is_handed_out_in_its_order_once_and_ends_with_its_result(
    ledger: Ledger, holder: Holder
) -> None:
    one, two = (ledger.add({"n": n}) for n in (1, 2))
    first = taken(ledger, holder)
    assert (first.id, first.work, first.attempts, first.state) == (one, {"n": 1}, 1, "running")
    assert ledger.beat(first, 0.5) is False and ledger.get(one).progress == 0.5
    ledger.finish(first, {"blob": "ab"})
    done = ledger.get(one[:6])
    assert (done.state, done.result, done.progress) == ("done", {"blob": "ab"}, 1.0)
    assert taken(ledger, holder).id == two
    assert ledger.lease(holder) is None
    assert ledger.counts() == {"done": 1, "running": 1}


def test_the_same_key_is_the_same_work_and_other_work_under_it_is_refused(ledger: Ledger) -> None:
    assert list(ledger.put([("k", {"n": 1}), ("l", {"n": 1}), ("k", {"n": 1})]))[2] == (
        ledger.add({"n": 1}, "k"),
        False,
    )
    with pytest.raises(UsageError, match="used for other work"):
        list(ledger.put([("m", {"n": 1}), ("k", {"n": 2})]))
    assert ledger.counts() == {"queued": 2}, "a chunk is queued whole or not at all"


def test_waiting_work_is_cancelled_at_once_and_running_work_is_asked_to_stop(
    ledger: Ledger, holder: Holder
) -> None:
    one, two = (ledger.add({"n": n}) for n in (1, 2))
    entry = taken(ledger, holder)
    assert ledger.cancel(one) == "running" and ledger.cancel(two) == "cancelled"
    assert ledger.beat(entry, 0.1) is True
    ledger.drop(entry)
    assert [each.state for each in ledger.entries()] == ["cancelled"] * 2
    ledger.retry(two)
    assert ledger.get(two).state == "queued"
    with pytest.raises(UsageError, match="nothing to try again"):
        ledger.retry(two)


def test_order_pause_and_forgetting(ledger: Ledger, holder: Holder) -> None:
    one, two, three = (ledger.add({"n": n}) for n in (1, 2, 3))
    ledger.move(three)
    ledger.move(one, first=False)
    ledger.pause()
    assert ledger.lease(holder) is None and ledger.paused
    ledger.pause(False)
    entries = [taken(ledger, holder) for _ in range(3)]
    assert [entry.id for entry in entries] == [three, two, one]
    with pytest.raises(UsageError, match="only what waits"):
        ledger.move(one)
    ledger.finish(entries[0], {})
    assert ledger.prune(older=100.0) == 0 and ledger.prune() == 1
    assert ledger.counts() == {"running": 2}


def test_a_lease_that_ran_out_goes_to_another_and_the_first_is_refused(
    ledger: Ledger, holder: Holder
) -> None:
    ledger.add({})
    first = taken(ledger, holder, seconds=-1.0)
    second = taken(ledger, holder)
    assert (second.id, second.attempts, second.deaths) == (first.id, 2, 1)
    for late in (lambda: ledger.beat(first, 0.1), lambda: ledger.finish(first, {"x": 1})):
        with pytest.raises(Lost):
            late()
    ledger.finish(second, {"x": 2})
    assert ledger.get(first.id).result == {"x": 2}


def test_a_clock_that_is_set_back_does_not_hold_work_for_ever(ledger: Ledger, holder: Holder) -> None:
    ledger.add({})
    first = taken(ledger, holder, seconds=10_000.0)
    assert taken(ledger, holder).attempts == first.attempts + 1


def test_work_that_ended_its_worker_twice_is_failed_and_blocks_nothing(
    ledger: Ledger, holder: Holder
) -> None:
    bad, good = ledger.add({"n": 1}), ledger.add({"n": 2})
    for _ in range(2):
        assert taken(ledger, holder, seconds=-1.0).id == bad
    assert taken(ledger, holder).id == good
    failed = ledger.get(bad)
    assert failed.state == "failed" and "ended its worker 2 times" in failed.said
    assert ledger.retry_failed() == 1 and taken(ledger, holder).id == bad


def test_what_was_stored_before_a_death_is_there_for_the_next(ledger: Ledger, holder: Holder) -> None:
    ledger.add({})
    ledger.store(taken(ledger, holder, seconds=-1.0), {"blob": "ab"})
    assert taken(ledger, holder).result == {"blob": "ab"}


TAKE = """
import sys, time
from pathlib import Path
from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import Ledger
ledger = Ledger(Path(sys.argv[1]))
with Holder(ledger.folder) as holder:
    print(ledger.lease(holder).id, flush=True)
    time.sleep(60)
"""


def test_a_killed_process_is_noticed_at_once_and_a_living_one_is_left_alone(
    ledger: Ledger, holder: Holder
) -> None:
    id = ledger.add({})
    child = subprocess.Popen([sys.executable, "-c", TAKE, ledger.folder], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None and child.stdout.readline().strip() == id
        assert ledger.lease(holder) is None
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
    assert taken(ledger, holder).deaths == 1


def test_many_threads_share_the_work_and_none_is_done_twice(ledger: Ledger) -> None:
    ids = [id for id, _ in ledger.put((None, {"n": n}) for n in range(40))]
    found = list[str]()

    def work() -> None:
        with Holder(ledger.folder) as own:
            while (entry := ledger.lease(own)) is not None:
                ledger.finish(entry, {})
                found.append(entry.id)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(ids)


def test_work_given_back_counts_as_not_begun(ledger: Ledger, holder: Holder) -> None:
    ledger.add({})
    ledger.give_back(taken(ledger, holder))
    assert taken(ledger, holder).attempts == 1


def test_troubles_are_sentences(ledger: Ledger, tmp_path: Path) -> None:
    ledger.add({})
    for id in ("", "zz", "%"):
        with pytest.raises(UsageError, match="No piece of work"):
            ledger.get(id)
    with pytest.raises(UsageError, match="plain values"):
        ledger.add({"x": float("nan")})
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be made"):
        Ledger(tmp_path / "file" / "inside")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / FILE).write_bytes(b"not a database " * 100)
    with pytest.raises(LedgerError, match="cannot be used"):
        Ledger(broken)
    with sqlite3.connect(ledger.base.file) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(UsageError, match="another overpaint"):
        Ledger(ledger.folder)


def test_ten_thousand_pieces_are_queued_and_handed_out_quickly(ledger: Ledger, holder: Holder) -> None:
    began = time.perf_counter()
    assert sum(new for _, new in ledger.put((str(n), {"n": n}) for n in range(10_000))) == 10_000
    assert sum(new for _, new in ledger.put((str(n), {"n": n}) for n in range(10_000))) == 0
    for n in range(20):
        entry = taken(ledger, holder)
        assert entry.work == {"n": n}
        ledger.finish(entry, {})
    assert time.perf_counter() - began < 20
