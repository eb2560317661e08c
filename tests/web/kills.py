"""A server that is killed again and again: every edit is done once, or failed with a sentence.

``python -m tests.web.kills [30]`` queues twelve edits on the shipped model, kills the server with -9 at so
many random moments, and starts it anew each time. It is no test: nothing here is collected by pytest.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.web.kit import png

from overpaint.errors import UsageError
from overpaint.ledger.queue import Ledger
from overpaint.web.client import Remote, packed

PORT = 8791
EDITS = 12
LONGEST = 600.0


def started(folder: Path) -> "subprocess.Popen[bytes]":
    """A server of its own process, once it answers."""
    command = [sys.executable, "-m", "overpaint", "serve", "--port", str(PORT), "--folder", str(folder)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    end = time.monotonic() + LONGEST
    while time.monotonic() < end:
        try:
            Remote.of(f"127.0.0.1:{PORT}").told("GET", "/healthz")
            return server
        except UsageError:
            time.sleep(0.2)
    raise SystemExit("The server does not start.")


def main(kills: int) -> None:
    """Kill it, and look what became of the work."""
    draw = random.Random(0)
    with TemporaryDirectory() as name:
        folder, remote = Path(name), Remote.of(f"127.0.0.1:{PORT}")
        server = started(folder)
        for seed in range(EDITS):
            said = {"image": packed(png(64, 64)), "target": "a red ball", "method": "sdedit", "seed": seed}
            remote.told("POST", "/api/edits", {**said, "options": {"steps": 12}, "look": False})
        for n in range(kills):
            end = time.monotonic() + LONGEST
            while "queued" in Ledger(folder).counts() and "running" not in Ledger(folder).counts():
                assert time.monotonic() < end, "no worker begins"
                time.sleep(0.05)
            time.sleep(draw.uniform(0.0, 2.5))
            os.kill(server.pid, signal.SIGKILL)
            server.wait()
            print(f"kill {n + 1}: {Ledger(folder).counts()}", flush=True)
            server = started(folder)
        end = time.monotonic() + LONGEST
        while (counts := Ledger(folder).counts()) and {"queued", "running"} & set(counts):
            assert time.monotonic() < end, counts
            time.sleep(0.5)
        server.terminate()
        server.wait()
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
