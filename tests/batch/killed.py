"""A folder of pictures whose batch is killed again and again: every output once, to the byte, nothing twice.

``python -m tests.batch.killed [local|ray] [200] [5]`` edits so many small pictures on the shipped model,
kills the command with -9 so often at random moments, gives it again each time, and holds the outputs against
a batch of the first of them that nobody killed. It is no test: pytest collects nothing here.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from tests.kills import demand
from tests.web.kit import png

from overpaint.ledger.queue import Ledger

STEPS, WORKERS, SAMPLE = 4, 2, 40
PATIENCE = 600.0
LONG = 1.0
"""Seconds after a number of outputs in which it is killed."""
Made = dict[Path, int]


def filled(folder: Path, pictures: int) -> Path:
    """So many pictures, each another one, ten to a folder."""
    for k in range(pictures):
        place = folder / f"{k // 10:02}" / f"{k:04}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(64, 64, k))
    return folder


def command(pictures: Path, out: Path, *more: str) -> list[str]:
    """The command line of a batch."""
    said = ("--target", "a red ball on grass", "--method", "sdedit", "--steps", str(STEPS), "--no-look")
    return [sys.executable, "-m", "overpaint", "batch", str(pictures), "--out", str(out), *said, *more]


def made(out: Path) -> Made:
    """The outputs that are there, and when each was written."""
    every = (one for one in out.glob("*/*.png") if not one.name.startswith("."))
    return {one: one.stat().st_mtime_ns for one in every if ".overpaint" not in one.parts}


def killed(said: Sequence[str], out: Path, until: int, wait: float) -> Made:
    """Start the batch, kill it some time after so many outputs are there; what is there then."""
    with TemporaryFile() as log, subprocess.Popen(said, stdout=log, stderr=log) as driver:
        end = time.monotonic() + PATIENCE
        while len(made(out)) < until:
            demand(driver.poll() is None, f"the batch ends by itself: {said_in(log)}")
            demand(time.monotonic() < end, "nothing is made")
            time.sleep(0.02)
        time.sleep(wait)
        driver.send_signal(signal.SIGKILL)
    return made(out)


def said_in(log: IO[bytes]) -> str:
    """The end of what a command said."""
    log.seek(0)
    return log.read().decode()[-500:]


def whole(said: Sequence[str]) -> float:
    """Run a batch to its end; the seconds it took."""
    began = time.monotonic()
    done = subprocess.run(said, capture_output=True, text=True, check=False, timeout=PATIENCE)
    demand(done.returncode == 0, f"the batch ends with {done.returncode}: {done.stderr[-500:]}")
    return time.monotonic() - began


def main(engine: str, pictures: int, kills: int) -> None:
    """Kill, go on, look."""
    draw = random.Random(0)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with TemporaryDirectory() as name:
        given, plain, out = filled(Path(name) / "in", pictures), Path(name) / "plain", Path(name) / "out"
        seconds = whole(command(given, plain, "--threads", "1", "--limit", str(SAMPLE)))
        print(f"unbroken, local: {len(made(plain))} pictures in {seconds:.1f} s", flush=True)
        more = ("--engine", "ray", "--workers", str(WORKERS)) if engine == "ray" else ("--threads", "1")
        said, before, began = command(given, out, *more), Made(), time.monotonic()
        for k in range(1, kills + 1):
            now = killed(said, out, pictures * k // (kills + 1), draw.uniform(0, LONG))
            demand(before.items() <= now.items(), "an output was written again")
            print(f"kill {k}: {len(now)} outputs, {Ledger(out / '.overpaint').counts()}", flush=True)
            before = now
        whole(said)
        print(f"killed {kills} times, {engine}: done in {time.monotonic() - began:.1f} s")
        check(given, plain, out, before, kills * (WORKERS if engine == "ray" else 1))


def check(given: Path, plain: Path, out: Path, before: Made, most: int) -> None:
    """Every output is there once, those of the sample with its bytes, and none was made again.

    Only what was being made at a kill, ``most`` pictures at most, was begun a second time.
    """
    there = made(out)
    demand(before.items() <= there.items(), "an output was written again")
    names = sorted(one.relative_to(given) for one in given.glob("*/*.png"))
    equal = names == sorted(one.relative_to(out) for one in there)
    demand(equal, "an output is missing, or there is one too many")
    sample = [one.relative_to(plain) for one in made(plain)]
    same = sum((plain / one).read_bytes() == (out / one).read_bytes() for one in sample)
    demand(same == len(sample) > 0, f"only {same} of {len(sample)} outputs have the bytes of the sample")
    ledger = Ledger(out / ".overpaint")
    demand(ledger.counts() == {"done": len(names)}, f"the queue says {ledger.counts()}")
    again = sum(entry.attempts for entry in ledger.entries()) - len(names)
    demand(again <= most, f"{again} pictures were begun again, where {most} were in flight at most")
    left = list((out / ".overpaint" / "made").glob("[!.]*")) + list(out.glob("**/*.tmp"))
    demand(not left, f"something is left over: {left[:3]}")
    print(f"all {len(names)} outputs once, {same} of {same} equal to the byte; ", end="")
    print(f"{again} begun again, {most} in flight at most")


if __name__ == "__main__":
    engine, pictures, kills, *_ = [*sys.argv[1:], *("local", "200", "5")[len(sys.argv) - 1 :]]
    main(engine, int(pictures), int(kills))
