"""What a kill leaves behind: ``python -m tests.kills`` prints a table of moments and outcomes.

A child process does the work and says what it is about to do: every network call, every update, every step
of writing a file. At the chosen moment it waits, and is killed from outside with SIGKILL. Then its folder is
looked at, and the work is done again there.
"""

import logging
import os
import select
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from overpaint.api import edit
from overpaint.families.tiny import tiny
from overpaint.files import atomic
from overpaint.files.store import opened
from overpaint.guides import CFG
from overpaint.images import load_picture, pixels_hash
from overpaint.inversions import NullText
from overpaint.inversions.cache import Cache, unpacked
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.noise import Noise
from overpaint.train.loop import Pace, Run, Stage, run
from overpaint.train.optim import Rates

PATIENCE = 120.0
"""Seconds after which a child is taken for stuck."""
CPU = torch.device("cpu")
Say = Callable[[str], None]


class Lost(AssertionError):
    """A kill lost something, as a sentence."""


def demand(holds: bool, sentence: str) -> None:
    if not holds:
        raise Lost(sentence)


@dataclass(frozen=True)
class Work:
    """Something that may be killed: what it does in a folder, and what has to hold there afterwards."""

    name: str
    do: Callable[[Path, Say], object]
    check: Callable[[Path], str]
    """Looks at what a kill left, does the work again, and says how that went."""


@dataclass(frozen=True)
class Outcome:
    """One line of the table."""

    work: str
    moment: str
    found: str


@cache
def model() -> Model:
    return tiny("sd1")


# The three kinds of work ----------------------------------------------------------------------------------


def ticking(say: Say) -> Meter:
    """A meter that says what is about to happen."""

    def tick(meter: Meter) -> None:
        say(f"network call {meter.calls}, update {meter.updates}")

    return Meter(on_tick=tick)


def an_edit(folder: Path, say: Say) -> object:
    owned = Model(model().net, model().family, name="tiny", cache=Cache(folder / "cache"))
    y, x = np.mgrid[0:32, 0:32] * 8
    picture = np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)
    words: dict[str, Any] = {"source": "a photo of a cat", "target": "a photo of a dog"}
    done = edit(picture, model=owned, meter=ticking(say), steps=2, **words)
    say("picture made, nothing written")
    return done.save(folder / "out.png")


def check_edit(folder: Path) -> str:
    out, before = folder / "out.png", whole_edit()
    there = out.exists()
    demand(not there or pixels_hash(load_picture(out)) == before, "a picture was left that is not whole")
    demand(len(visible(folder)) <= 2, "something lies beside the picture")
    kept = opens(folder)
    out.unlink(missing_ok=True)
    an_edit(folder, ignored)
    demand(pixels_hash(load_picture(out)) == before, "the repeated edit gives another picture")
    return f"picture {'whole' if there else 'absent'}; {kept}; again: same pixels"


@cache
def whole_edit() -> str:
    with TemporaryDirectory() as place:
        an_edit(Path(place), ignored)
        return pixels_hash(load_picture(Path(place) / "out.png"))


STEPS = 4


def an_optimisation(folder: Path, say: Say) -> object:
    owned = Model(model().net, model().family, cache=Cache(folder / "cache"))
    family, x0 = owned.family, 0.7 * Noise(1).normal((1, 4, 8, 8), "x0")
    guide = CFG(family.text("a photo of a cat"), family.null(), 3.0)
    with owned.metered(ticking(say)) as meter:
        found = NullText(inner=2, stop=0, relax=0)(owned, owned.path(STEPS), x0, guide, Noise(0))
        return found, meter.rows


def check_optimisation(folder: Path) -> str:
    kept, (whole, all_rows) = opens(folder), whole_optimisation()
    done = sum(len(opened(file.read_bytes())[0]["found"]) for file in drafts(folder))
    any_result: Any = an_optimisation(folder, ignored)
    found, rows = any_result
    demand(torch.equal(found.nulls, whole.nulls), "the resumed optimisation ends on other bits")
    demand(torch.equal(found.latents, whole.latents), "the resumed optimisation has another inversion")
    demand(not drafts(folder), "a draft stays behind")
    if rows == 0:
        return f"{kept}; finished: nothing done again"
    inverted = rows == all_rows - STEPS - 4 * done
    demand(inverted or rows == all_rows, f"{all_rows - rows} rows were spared for {done} steps")
    return f"{kept}; goes on at step {done} of {STEPS}, same bits"


@cache
def whole_optimisation() -> Any:
    with TemporaryDirectory() as place:
        return an_optimisation(Path(place), ignored)


LAST = 6


def stage(say: Say) -> Stage:
    with torch.random.fork_rng(devices=[]):  # pyright: ignore[reportUnknownMemberType]
        torch.random.manual_seed(0)  # pyright: ignore[reportUnknownMemberType]
        net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 8))

    def batch(step: int) -> Mapping[str, Tensor]:
        say(f"step {step}")
        return {"x": torch.randn(16, 8, generator=torch.Generator().manual_seed(step))}

    def loss(batch: Mapping[str, Tensor], generator: torch.Generator) -> tuple[Tensor, Mapping[str, Tensor]]:
        noise = 0.01 * torch.randn(16, 8, generator=generator)
        return (net(batch["x"] + noise) - batch["x"].roll(1, 1)).square().mean(), {}

    return Stage("toy", {"net": net}, batch, loss, LAST, Rates(1e-2, warmup=2), 16)


def a_training(folder: Path, say: Say) -> object:
    return run(stage(say), folder / "run", device=CPU, pace=Pace(quiet=True, save=0.0, log=0.0))


def check_training(folder: Path) -> str:
    peek = Run(stage(ignored), folder / "run", CPU)
    done = peek.step if peek.resume() else 0
    done = peek.step
    again: Any = a_training(folder, ignored)
    whole: Any = whole_training()
    demand(again.step == LAST, "the training does not reach its end")
    for name, value in again.stage.nets["net"].state_dict().items():
        demand(torch.equal(value, whole[name]), f"the resumed training ends on other bits of {name}")
    return f"state {'of step ' + str(done) if done else 'absent'}; goes on there, same bits"


@cache
def whole_training() -> Any:
    with TemporaryDirectory() as place:
        done: Any = a_training(Path(place), ignored)
        return {name: value.clone() for name, value in done.stage.nets["net"].state_dict().items()}


WORKS = (
    Work("edit", an_edit, check_edit),
    Work("null-text", an_optimisation, check_optimisation),
    Work("training", a_training, check_training),
)


def ignored(_: str) -> None:
    """For work that nobody watches."""


def visible(folder: Path) -> list[Path]:
    """What a user sees."""
    return [file for file in folder.iterdir() if not file.name.startswith(".")]


def drafts(folder: Path) -> list[Path]:
    """What unfinished optimisations keep; files that a killed process left half written do not count."""
    return list((folder / "cache").glob("[!.]*.draft.safetensors"))


def opens(folder: Path) -> str:
    """Every file of the cache must be whole."""
    files = sorted((folder / "cache").glob("[!.]*.safetensors"))
    for file in files:
        if ".draft." in file.name:
            opened(file.read_bytes())
        else:
            unpacked(*opened(file.read_bytes()))
    return f"cache opens, {len(files)} file{'' if len(files) == 1 else 's'}"


# Killing --------------------------------------------------------------------------------------------------


def talkative(say: Say) -> None:
    """In a child: every step of writing a file is announced, and files are written in two halves."""
    replace, link, flush = os.replace, os.link, os.fsync

    def moved(name: str, move: Callable[..., None]) -> Callable[..., None]:
        def do(one: Path, other: Path) -> None:
            say(f"{kind(other)} flushed, not yet {name}")
            move(one, other)
            say(f"{kind(other)} {name}")

        return do

    def halves(path: Path, data: bytes) -> None:
        with path.open("xb") as file:
            file.write(data[: len(data) // 2])
            file.flush()
            say(f"{kind(path)} half written")
            file.write(data[len(data) // 2 :])
            file.flush()
            say(f"{kind(path)} written, not yet flushed")
            flush(file.fileno())

    atomic.write_flushed = halves
    os.replace = moved("in its place", replace)
    os.link = moved("in its place", link)


def kind(path: Path) -> str:
    """What a file is, without the names of this run."""
    name = Path(path).name
    if name.endswith(".png") or ".png." in name:
        return "picture"
    return "state" if "state" in name else "draft" if ".draft." in name else "inversion"


def child(work: Work, folder: Path, stop: int | None, pipe: int) -> None:
    """Do the work, announcing every moment; at one of them wait for the end."""
    count = 0

    def say(moment: str) -> None:
        nonlocal count
        os.write(pipe, f"{moment}\n".encode())
        if count == stop:
            signal.pause()
        count += 1

    talkative(say)
    work.do(folder, say)


def moments(work: Work, folder: Path, stop: int | None = None) -> list[str]:
    """Start a child and listen; kill it at the moment of that number. Gives back what it announced."""
    ours, theirs = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads, of which the child uses none
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(ours)
            child(work, folder, stop, theirs)
            code = 0
        finally:
            os._exit(code)
    os.close(theirs)
    try:
        heard = listened(ours, stop)
    finally:
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        os.close(ours)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    demand(killed if stop is not None else status == 0 or killed, f"the child ended with {status}")
    return heard


def listened(pipe: int, stop: int | None) -> list[str]:
    """What a child announces, until its end or up to one moment."""
    text = b""
    while stop is None or text.count(b"\n") <= stop:
        ready, _, _ = select.select([pipe], [], [], PATIENCE)
        data = os.read(pipe, 65536) if ready else b""
        if not data:
            demand(stop is None and bool(ready), "the child said no more")
            break
        text += data
    return text.decode().splitlines()


def killed(work: Work, stop: int) -> Outcome:
    """One kill, and what came of it."""
    with TemporaryDirectory() as place:
        heard = moments(work, Path(place), stop)
        return Outcome(work.name, heard[stop], work.check(Path(place)))


def spread(work: Work, count: int) -> list[int]:
    """That many moments of some work, evenly spread from the first to the last."""
    with TemporaryDirectory() as place:
        total = len(moments(work, Path(place)))
    return [round(k * (total - 1) / max(1, count - 1)) for k in range(count)]


def table(counts: Sequence[int]) -> list[Outcome]:
    """So many kills of each kind of work."""
    return [killed(work, k) for work, count in zip(WORKS, counts, strict=True) for k in spread(work, count)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.disable()
    rows = table((7, 7, 6))
    sys.stdout.write("| work | killed at | found afterwards |\n|---|---|---|\n")
    for row in rows:
        sys.stdout.write(f"| {row.work} | {row.moment} | {row.found} |\n")
