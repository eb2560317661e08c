"""The one training loop: every stage hands it networks, batches and a loss.

A batch and its noise depend on the seed and the number of the step alone, so a run that was killed and
resumed ends on the same bits as one that was not.
"""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from overpaint.errors import OverpaintError
from overpaint.files import atomic
from overpaint.train.distributed import Crew
from overpaint.train.optim import Average, Optimiser, Rates

Batch = Mapping[str, Tensor]
Loss = Callable[[Batch, torch.Generator], tuple[Tensor, Mapping[str, Tensor]]]


class TrainError(OverpaintError):
    """Training cannot start or go on as asked."""


@dataclass(frozen=True)
class Stage:
    """One thing to train.

    `batch(step)` gives the data of a step and `loss(batch, generator)` its loss and named parts of it.
    `measure` and `sheet` look at the averaged networks: figures by name, and a picture ("3 h w" in [0, 1]).
    """

    name: str
    nets: Mapping[str, nn.Module]
    batch: Callable[[int], Batch]
    loss: Loss
    steps: int
    rates: Rates
    samples: int
    """Samples in a batch, for the log."""
    measure: Callable[[], Mapping[str, float]] | None = None
    sheet: Callable[[], Tensor] | None = None
    compiled: tuple[nn.Module, ...] = ()
    """Modules worth compiling where there is an accelerator."""
    shared: bool = False
    """Whether a batch may be cut by rows: its loss is a mean over rows and draws nothing itself."""
    parts: int = 1
    """Parts a batch goes through the networks in, one after the other, before a step is taken."""


@dataclass(frozen=True)
class Pace:
    """How long a call runs and how often it stops to save, to measure and to draw; seconds."""

    minutes: float | None = None
    save: float = 180.0
    look: float = 600.0
    log: float = 10.0
    quiet: bool = False


@dataclass
class Run:
    """A stage being trained in a folder: state.safetensors, log.jsonl and sheet-*.png."""

    stage: Stage
    home: Path
    device: torch.device
    seed: int = 0
    crew: Crew = field(default_factory=Crew)
    step: int = 0
    samples: int = 0
    seconds: float = 0.0
    """Training time of all calls so far."""
    optimiser: Optimiser = field(init=False)
    average: Average = field(init=False)

    def __post_init__(self) -> None:
        if self.crew.size > 1 and not self.stage.shared:
            raise TrainError(f"Stage '{self.stage.name}' trains in one process; start it without torchrun.")
        if self.stage.samples % (self.crew.size * self.stage.parts):
            raise TrainError(
                f"A batch of {self.stage.samples} cannot be shared evenly by {self.crew.size} processes in "
                f"{self.stage.parts} parts; choose another."
            )
        self.home.mkdir(parents=True, exist_ok=True)
        self.optimiser = Optimiser(self.stage.nets, self.stage.rates)
        self.average = Average(self.stage.nets, self.stage.rates.ema)
        if self.device.type == "cuda":
            for module in self.stage.compiled:
                module.compile()

    @property
    def state_file(self) -> Path:
        """Where weights, their average and the optimiser are kept between calls."""
        return self.home / "state.safetensors"

    @property
    def done(self) -> bool:
        """Whether every step has been taken."""
        return self.step >= self.stage.steps

    def advance(self) -> Mapping[str, Tensor]:
        """One step. Returns the loss and its parts, still on the device."""
        generator = torch.Generator(self.device).manual_seed(self.seed * 1_000_003 + self.step)
        own = self.crew.share(self.stage.batch(self.step))
        told = list[Mapping[str, Tensor]]()
        for k in range(self.stage.parts):
            part = own if self.stage.parts == 1 else {n: v[k :: self.stage.parts] for n, v in own.items()}
            loss, more = self.stage.loss(part, generator)
            (loss / self.stage.parts).backward()  # pyright: ignore[reportUnknownMemberType]
            told.append({"loss": loss.detach(), **more})
        self.crew.average(self.optimiser.named.values())
        self.optimiser.step(self.step, self.stage.steps)
        self.average.update(self.step)
        self.step += 1
        self.samples += self.stage.samples
        return {name: torch.stack([one[name] for one in told]).mean() for name in told[0]}

    def save(self) -> None:
        """Write the state in one move, so that a kill leaves the old one or the new one."""
        tensors = {f"mean/{name}": value for name, value in self.average.mean.items()}
        for net, module in self.stage.nets.items():
            tensors |= {f"net/{net}.{name}": value for name, value in module.state_dict().items()}
        tensors |= {f"opt/{name}": value for name, value in self.optimiser.state().items()}
        plain = {name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()}
        notes = {"step": self.step, "samples": self.samples, "seconds": self.seconds, "seed": self.seed}
        try:
            with atomic.drafted(self.state_file) as draft:
                save_file(plain, draft, metadata={"run": json.dumps(notes)})
        except (OSError, SafetensorError) as error:
            raise TrainError(
                f"The state cannot be written to {self.state_file} ({reason(error)}); the last one that was "
                "is still there, so make room and run the same command again."
            ) from None

    def resume(self) -> bool:
        """Take up a saved state; whether there was one."""
        if not self.state_file.is_file():
            return False
        state, notes = self._stored()
        self._take(state)
        self.step, self.samples = notes["step"], notes["samples"]
        self.seconds, self.seed = notes["seconds"], notes["seed"]
        return True

    def _stored(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        try:
            with safe_open(self.state_file, "pt", device=str(self.device)) as file:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
                state: dict[str, Tensor] = {name: file.get_tensor(name) for name in file.keys()}
                return state, json.loads(file.metadata()["run"])
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise TrainError(
                f"{self.state_file} is no whole state ({reason(error)}); choose another folder or start "
                "afresh with resume off."
            ) from None

    @torch.no_grad()
    def _take(self, state: Mapping[str, Tensor]) -> None:
        live = {
            f"net/{net}.{name}": value
            for net, module in self.stage.nets.items()
            for name, value in module.state_dict(keep_vars=True).items()
        }
        mean = {f"mean/{name}": value for name, value in self.average.mean.items()}
        for name, value in (live | mean).items():
            if name not in state or state[name].shape != value.shape:
                raise TrainError(
                    f"{self.state_file} was written for networks of another shape; "
                    "choose another folder or start afresh with resume off."
                )
            value.copy_(state[name])
        self.optimiser.restore(
            {name.removeprefix("opt/"): value for name, value in state.items() if name.startswith("opt/")}
        )

    @contextmanager
    def averaged(self) -> Generator[None]:
        """The networks with averaged weights, in evaluation mode."""
        self.average.swap()
        for net in self.stage.nets.values():
            net.eval()
        try:
            yield
        finally:
            self.average.swap()
            for net in self.stage.nets.values():
                net.train()

    def look(self) -> dict[str, float]:
        """Measure and draw with the averaged weights."""
        with self.averaged(), torch.no_grad():
            if self.stage.sheet is not None:
                write_sheet(self.stage.sheet(), self.home / f"sheet-{self.step:07d}.png")
            return dict(self.stage.measure()) if self.stage.measure is not None else {}

    def log(self, **entry: object) -> None:
        """Add a line to the log."""
        line = {
            "step": self.step,
            "samples": self.samples,
            "seconds": round(self.seconds, 1),
        }
        atomic.append(self.home / "log.jsonl", json.dumps(line | entry))


def run(
    stage: Stage,
    home: Path,
    *,
    device: torch.device,
    pace: Pace | None = None,
    resume: bool = True,
    seed: int = 0,
) -> Run:
    """Train `stage` in `home` until its steps are taken, its minutes are over or a signal comes.

    Started by torchrun, the processes share every batch; the first of them decides, writes and measures. On
    SIGTERM and Ctrl-C the state is saved before the call ends; Ctrl-C is then raised.
    """
    current = Run(stage, home, device, seed, Crew.join())
    if resume:
        current.resume()
    with _signals() as stop:
        _train(current, pace or Pace(), stop)
    if stop and stop[0] == signal.SIGINT:
        raise KeyboardInterrupt
    return current


def _train(run: Run, pace: Pace, stop: list[int]) -> None:
    began = saved = looked = logged = time.monotonic()
    before = run.seconds
    sums: dict[str, Tensor] = {}
    count = 0
    lead = run.crew.leads
    with _bar(pace.quiet or not lead) as bar:
        task = bar.add_task(run.stage.name, total=run.stage.steps, completed=run.step, loss="")
        while run.crew.agree(not (run.done or stop or _over(pace, began)), run.device):
            for name, value in run.advance().items():
                sums[name] = value if count == 0 else sums[name] + value
            count += 1
            now = time.monotonic()
            run.seconds = before + now - began
            if not lead:
                continue
            if now - logged >= pace.log or run.done:
                means = {name: round(float(value) / count, 5) for name, value in sums.items()}
                run.log(**means)
                bar.update(task, completed=run.step, loss=f"{means['loss']:.4f}")
                logged, sums, count = now, {}, 0
            if now - looked >= pace.look:
                _look(run)
                looked = time.monotonic()
            if now - saved >= pace.save:
                run.save()
                saved = time.monotonic()
    if not lead:
        return
    run.save()
    if not stop:
        _look(run)


def _look(run: Run) -> None:
    figures = run.look()
    if figures:
        run.log(figures=figures)


def _over(pace: Pace, began: float) -> bool:
    return pace.minutes is not None and time.monotonic() - began >= 60 * pace.minutes


@contextmanager
def _bar(quiet: bool) -> Generator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
    )
    more = (TextColumn("loss {task.fields[loss]}"), TimeRemainingColumn())
    with Progress(*columns, *more, console=Console(stderr=True), disable=quiet) as bar:
        yield bar


@contextmanager
def _signals() -> Generator[list[int]]:
    """Collect SIGTERM and the first Ctrl-C while a step is under way; the second Ctrl-C is immediate."""
    caught: list[int] = []

    def note(number: int, _frame: object) -> None:
        caught.append(number)
        if len(caught) > 1 and number == signal.SIGINT:
            raise KeyboardInterrupt

    try:
        old = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: signals go elsewhere
        yield caught
        return
    try:
        yield caught
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def write_sheet(picture: Tensor, path: Path) -> None:
    """Save "3 h w" in [0, 1] as PNG."""
    from PIL import Image

    pixels = (picture.detach().float().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")  # pyright: ignore[reportUnknownMemberType]
    atomic.write(path, buffer.getvalue())


def reason(error: Exception) -> str:
    """Why a file could not be read or written, in a few words."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or " ".join(str(error).split())[:80] or type(error).__name__


def grid(pictures: Tensor, columns: int = 8) -> Tensor:
    """ "n 3 h w" laid out as one picture, n a multiple of `columns` or short of one row."""
    n, c, h, w = pictures.shape
    rows = -(-n // columns)
    room = pictures.new_ones(rows * columns, c, h, w)
    room[:n] = pictures
    return room.view(rows, columns, c, h, w).permute(2, 0, 3, 1, 4).reshape(c, rows * h, columns * w)
