"""Where the ledger bends: so many rows enqueued, leased, finished, listed, and gone on with after a death.

``python -m tests.many_rows [1000000]`` prints a line for each. It is no test: pytest collects nothing here.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TypeVar

from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import Ledger

T = TypeVar("T")
ONES = 2000
"""Pieces of work that are leased and finished one by one."""
SIZE = 1_000_000
WORK = {
    "image": "photos/a.jpg",
    "source": "a street",
    "target": "a street in snow",
    "method": "p2p",
    "seed": 7,
}


def timed(what: str, times: int, do: Callable[[], T]) -> T:
    """Do something, and print how long each of so many of it took."""
    began = perf_counter()
    found = do()
    seconds = perf_counter() - began
    print(f"{what:<44} {seconds:9.2f} s   {1e6 * seconds / times:10.1f} µs each", flush=True)
    return found


def work(ledger: Ledger, holder: Holder, many: int) -> None:
    """Lease and finish."""
    for _ in range(many):
        entry = ledger.lease(holder)
        assert entry is not None
        ledger.finish(entry, {"output": "x"})


def main(rows: int) -> None:
    """Measure it."""
    with TemporaryDirectory() as folder:
        ledger = Ledger(Path(folder))
        wishes = ((f"row {n}", {**WORK, "n": n}) for n in range(rows))
        timed(f"enqueue {rows} rows", rows, lambda: sum(new for _, new in ledger.put(wishes)))
        again = ((f"row {n}", {**WORK, "n": n}) for n in range(rows))
        timed("enqueue the same again", rows, lambda: sum(new for _, new in ledger.put(again)))
        with Holder(ledger.folder) as holder:
            timed(f"lease and finish the first {ONES}", ONES, lambda: work(ledger, holder, ONES))
            db = ledger.base.file
            with ledger.base.writing() as base:
                base.execute(
                    "UPDATE entries SET state = 'done', ended = 1 WHERE state = 'queued' AND number < ?",
                    (rows - ONES,),
                )
            timed(
                f"lease and finish {ONES} behind all that is done",
                ONES,
                lambda: work(ledger, holder, ONES - 1),
            )
            entry = ledger.lease(holder)
        timed("count by state", 1, ledger.counts)
        timed("the latest 50", 1, lambda: ledger.entries("done", 50, latest=True))
        with Holder(ledger.folder) as second:
            timed("go on with what a dead worker held", 1, lambda: ledger.lease(second))
        print(
            f"{db.stat().st_size / 2**20:.0f} MiB on disk; the last row was {entry and entry.work.get('n')}"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SIZE)
