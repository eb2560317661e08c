"""A server under load: many clients beside edits that run, memory over many edits, what the queue costs.

``python -m tests.web.load [clients] [memory] [queue]`` starts a server on the shipped model and measures all
three, or those that are named. Give it an idle machine. It is no test: pytest collects nothing here.

- ``clients``: a hundred ask once a second how their work stands, for a minute: no 5xx, p99 under 200 ms.
- ``memory``: what the server holds after 100 edits, and after 500: no more than 3 % above.
- ``queue``: the same edits by the method alone and by the server, in turns: at most 3 % more seconds from the
  end of one to the end of the next, in the median.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import random
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any, TypeVar

import httpx2
import psutil
from tests.kills import demand
from tests.web.kit import png

import overpaint
from overpaint.run.loading import threads
from overpaint.web.client import Remote, packed

CLIENTS, SECONDS, P99 = 100, 60.0, 0.2
EDITS, FIRST, EVERY, GROWTH = 500, 100, 50, 0.03
ROUNDS, EACH, SLOWER = 8, 2, 0.03
PATIENCE = 600.0
T = TypeVar("T")
WORDS: dict[str, Any] = {"source": "a red ball on grass", "target": "a blue ball on grass"}


@dataclass(frozen=True)
class Served:
    """A server in a process of its own."""

    remote: Remote
    process: psutil.Process

    def ask(self, kind: str, **said: Any) -> str:
        """Ask for work; its id."""
        return str(self.remote.told("POST", f"/api/{kind}", said)["id"])

    def ended(self, ids: Sequence[str]) -> list[dict[str, Any]]:
        """How all of them stand once they are done."""
        end, found = time.monotonic() + PATIENCE, list[dict[str, Any]]()
        for id in ids:
            while (work := self.remote.told("GET", f"/api/edits/{id}"))["state"] != "done":
                goes_on = work["state"] in ("queued", "running")
                demand(goes_on, f"the edit {id} is {work['state']}: {work['error']}")
                demand(time.monotonic() < end, f"the edit {id} does not end")
                time.sleep(0.5)
            found.append(work)
        return found


@contextmanager
def server(folder: Path) -> Generator[Served, None, None]:
    """Start one, with its model loaded, and end it."""
    command = [sys.executable, "-m", "overpaint", "serve", "--port", "0", "--threads", "1"]
    command += ["--folder", str(folder)]
    own = {**os.environ, "OVERPAINT_CACHE": str(folder / "cache")}  # no inversion is found that another made
    with TemporaryFile("w+") as log, subprocess.Popen(command, stderr=log, env=own) as made:
        try:
            served = Served(Remote.of(until(lambda: address(log))), psutil.Process(made.pid))
            until(lambda: served.remote.asked("GET", "/healthz"))
            served.ended([served.ask("generate", target=WORDS["target"])])
            yield served
        finally:
            made.send_signal(signal.SIGTERM)


def address(log: IO[str]) -> str:
    """Where a server says that it is."""
    log.seek(0)
    found = re.search(r"http://[\d.:]+", said := log.read())
    if found is None:
        raise overpaint.UsageError(f"The server says no address: {said}")
    return found[0]


def until(ask: Callable[[], T]) -> T:
    """Ask until there is an answer."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return ask()
        except overpaint.OverpaintError as error:
            demand(time.monotonic() < end, str(error))
            time.sleep(0.1)


# Many clients ---------------------------------------------------------------------------------------------


async def client(
    http: httpx2.AsyncClient, id: str, until: float, took: list[float], said: Counter[int]
) -> None:
    """Ask again and again, from some moment on."""
    await asyncio.sleep(random())
    while time.monotonic() < until:
        began = time.monotonic()
        answer = await http.get(f"/api/edits/{id}")
        took.append(time.monotonic() - began)
        said[answer.status_code] += 1
        await asyncio.sleep(max(0.0, 1.0 - took[-1]))


async def asking(address: str, ids: Sequence[str], took: list[float], said: Counter[int]) -> None:
    """All clients at once."""
    many = httpx2.Limits(max_connections=CLIENTS)
    async with httpx2.AsyncClient(base_url=address, timeout=60, limits=many) as http:
        until = time.monotonic() + SECONDS
        await asyncio.gather(*(client(http, ids[k % len(ids)], until, took, said) for k in range(CLIENTS)))


def clients(served: Served) -> None:
    """Ask while edits run, and see how long the answers take."""
    ids = [served.ask("generate", target=WORDS["target"], seed=seed) for seed in range(100)]
    took, said = list[float](), Counter[int]()
    asyncio.run(asking(served.remote.address, ids, took, said))
    counts = served.remote.told("GET", "/api/queue")["counts"]
    for id in ids:
        if served.remote.told("GET", f"/api/edits/{id}")["state"] in ("queued", "running"):
            served.remote.told("DELETE", f"/api/edits/{id}")
    took.sort()
    p50, p90, p99 = (took[int(len(took) * share) - 1] for share in (0.5, 0.9, 0.99))
    shares = {"p50": p50, "p90": p90, "p99": p99, "most": took[-1]}
    times = ", ".join(f"{name} {1000 * one:.0f} ms" for name, one in shares.items())
    many = f"{len(took)} answers to {CLIENTS} clients in {SECONDS:.0f} s"
    print(f"clients: {many}, {dict(said)}; {times}; {counts}", flush=True)
    demand(counts.get("queued", 0) > 0, "the edits ended before the clients did")
    demand(not any(status >= 500 for status in said), "an answer was an error of the server")
    demand(p99 < P99, f"p99 is {1000 * p99:.0f} ms")


# Memory ---------------------------------------------------------------------------------------------------


def memory(served: Served) -> None:
    """Edit many pictures, and see what the server holds on the way."""
    held = dict[int, int]()
    for k in range(0, EDITS, EVERY):
        asked = {**WORDS, "method": "sdedit", "options": {"steps": 4}, "look": False}
        each = ({"image": packed(png(64, 64, n)), "seed": n, **asked} for n in range(k, k + EVERY))
        served.ended([served.ask("edits", **one) for one in each])
        held[k + EVERY] = served.process.memory_info().rss
    print("memory: " + ", ".join(f"{k} edits {size / 2**20:.0f} MiB" for k, size in held.items()), flush=True)
    grown = held[EDITS] / held[FIRST] - 1
    print(f"memory: {grown:+.1%} from {FIRST} edits to {EDITS}", flush=True)
    demand(grown <= GROWTH, f"memory grows by {grown:.1%}")


# What the queue costs -------------------------------------------------------------------------------------


def queue(served: Served) -> None:
    """The same edits by the method alone and by the server, in turns."""
    alone, beside = list[float](), list[float]()
    with threads(1):
        overpaint.edit(png(64, 64, 999), **WORDS, look=False, options={"steps": 4})
        for n in range(ROUNDS):
            pictures = [png(64, 64, 1000 + EACH * n + k) for k in range(EACH)]
            for data in pictures:
                began = time.monotonic()
                overpaint.edit(data, **WORDS, look=False)
                alone.append(time.monotonic() - began)
            ids = [served.ask("edits", image=packed(data), look=False, **WORDS) for data in pictures]
            works = served.ended(ids)
            moments = [works[0]["began"], *(work["ended"] for work in works)]
            beside += [after - before for before, after in pairwise(moments)]
    slower = median(beside) / median(alone) - 1
    print(
        f"queue: {len(alone)} edits by p2p, alone {median(alone):.3f} s each ({min(alone):.2f} to "
        f"{max(alone):.2f}), by the server {median(beside):.3f} s ({min(beside):.2f} to {max(beside):.2f}): "
        f"{slower:+.1%}",
        flush=True,
    )
    demand(slower <= SLOWER, f"the queue costs {slower:.1%}")


def main(parts: Sequence[str]) -> None:
    """Measure what is named."""
    every = {"clients": clients, "memory": memory, "queue": queue}
    with TemporaryDirectory() as name:
        os.environ["OVERPAINT_CACHE"] = str(Path(name) / "cache")
        with server(Path(name) / "serve") as served:
            for part in parts or every:
                every[part](served)


if __name__ == "__main__":
    main(sys.argv[1:])
