"""A server that is killed again and again: every edit is done once, or failed with a sentence.

``python -m tests.web.kills [30]`` queues thirty edits on the shipped model, kills the server with -9 at so
many random moments, and starts it anew each time. It is no test: nothing here is collected by pytest.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.web.kit import png

from overpaint.cli.app import app
from overpaint.errors import UsageError
from overpaint.ledger.queue import Ledger
from overpaint.run.kept import KEPT
from overpaint.web.client import Remote, packed

PORT = 8791
EDITS = 30
LONGEST = 600.0
LONG = 2.0
"""Seconds after an edit began in which it is killed, or one of those behind it."""


def started(folder: Path) -> int:
    """A server in a process of its own, once it answers; forked, so that it begins with the model loaded."""
    child = os.fork()
    if child == 0:
        try:
            app(["serve", "--port", str(PORT), "--folder", str(folder)], standalone_mode=False)
        finally:
            os._exit(1)
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        try:
            Remote.of(f"127.0.0.1:{PORT}").told("GET", "/healthz")
            return child
        except UsageError:
            time.sleep(0.05)
    raise SystemExit("The server does not start.")


def begun(folder: Path, since: float) -> bool:
    """Whether a worker has begun with something since then, or nothing is left to begin with."""
    ledger = Ledger(folder)
    running = ledger.entries("running")
    return any((entry.began or 0) > since for entry in running) or not (running or ledger.ids("queued"))


def main(kills: int) -> None:
    """Kill it, and look what became of the work."""
    draw, ran = random.Random(0), 0
    KEPT.get("still-life")
    with TemporaryDirectory() as name:
        folder, remote, since = Path(name), Remote.of(f"127.0.0.1:{PORT}"), time.time()
        server = started(folder)
        for seed in range(EDITS):
            said = {"image": packed(png(64, 64)), "target": "a red ball", "method": "sdedit", "seed": seed}
            remote.told("POST", "/api/edits", {**said, "options": {"steps": 12}, "look": False})
        for n in range(kills):
            end = time.monotonic() + LONGEST
            while not begun(folder, since):
                assert time.monotonic() < end, "no worker begins"
                time.sleep(0.02)
            time.sleep(draw.uniform(0.0, LONG))
            ran += bool(Ledger(folder).counts().get("running"))
            os.kill(server, signal.SIGKILL)
            os.waitpid(server, 0)
            print(f"kill {n + 1}: {Ledger(folder).counts()}", flush=True)
            since = time.time()
            server = started(folder)
        end = time.monotonic() + LONGEST
        while (counts := Ledger(folder).counts()) and {"queued", "running"} & set(counts):
            assert time.monotonic() < end, counts
            time.sleep(0.5)
        os.kill(server, signal.SIGTERM)
        os.waitpid(server, 0)
        print(f"{ran} of {kills} kills met an edit that ran")
        check(Ledger(folder))


def check(ledger: Ledger) -> None:
    """Every edit is there once, done with its picture or failed with a sentence."""
    entries = ledger.entries()
    assert sorted(entry.work["request"]["seed"] for entry in entries) == list(range(EDITS))
    for entry in entries:
        assert entry.state == "done" or (entry.state == "failed" and entry.said), entry
        if entry.state == "done":
            blob = entry.result["picture"]
            assert (ledger.results / blob[:2] / f"{blob}.picture").stat().st_size > 0
    print(f"all {EDITS} ended: {dict(Counter(entry.state for entry in entries))}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
