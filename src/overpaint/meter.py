"""The meter: the one choke point through which every piece of work reports, is counted and can be stopped."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Literal

from torch import Tensor

from overpaint.errors import OverpaintError

Work = Literal["rows", "backward", "update", "side", "look", "decode", "item"]


class Cancelled(OverpaintError):
    """The user asked to stop."""


@dataclass
class Meter:
    """Counts work, calls back on progress and preview, and stops when asked to.

    Loops without a network call (a tuner's updates, a layer generator) tick it themselves, so progress, cost
    and cancelling work the same way everywhere without a callback argument anywhere.
    """

    on_tick: Callable[["Meter"], None] | None = None
    on_preview: Callable[[Tensor], None] | None = None
    calls: int = 0
    rows: int = 0
    widest: int = 0
    """The most rows that shared a call."""
    backwards: int = 0
    updates: int = 0
    sides: int = 0
    """Rows that went through side networks."""
    looks: int = 0
    """Pictures that CLIP looked at."""
    decodes: int = 0
    """Pictures decoded on the way."""
    items: int = 0
    notes: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    """Figures that parts of a method report about themselves, by name."""
    maps: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    """Pictures of what happened inside (masks, attention of words), by name."""
    total: int | None = None
    """Rows that the work takes at most, once it is planned; those it took, once it is done."""
    cancelled: bool = False
    started: float = field(default_factory=perf_counter)

    def tick(self, work: Work, n: int = 1) -> None:
        """Report work that is about to be done.

        Raises:
            Cancelled: ``cancel`` was called, from a signal handler or another thread.
        """
        if self.cancelled:
            raise Cancelled("The edit was cancelled; nothing was written.")
        match work:
            case "rows":
                self.calls, self.rows = self.calls + 1, self.rows + n
                self.widest = max(self.widest, n)
            case "backward":
                self.backwards += n
            case "update":
                self.updates += n
            case "side":
                self.sides += n
            case "look":
                self.looks += n
            case "decode":
                self.decodes += n
            case "item":
                self.items += n
        if self.on_tick is not None:
            self.on_tick(self)

    def note(self, name: str, value: float) -> None:
        """Keep a figure; several under one name make a curve."""
        self.notes.setdefault(name, []).append(value)

    def preview(self, x0: Tensor) -> None:
        """Offer the current belief about the clean latent to whoever shows previews."""
        if self.on_preview is not None:
            self.on_preview(x0)

    def cancel(self) -> None:
        """Stop at the next tick."""
        self.cancelled = True

    @property
    def share(self) -> float:
        """How much of the work is done, from 0 to 1, in rows; 0 as long as nobody knows."""
        return min(1.0, self.rows / self.total) if self.total else 0.0

    @property
    def seconds(self) -> float:
        """Time since the meter was made."""
        return perf_counter() - self.started


def beside(meter: Meter) -> Meter:
    """A meter for work beside that of another: counted apart, and stopped with it."""

    def forward(own: Meter) -> None:
        if meter.on_tick is not None:
            meter.on_tick(meter)
        if meter.cancelled:
            own.cancel()

    return Meter(on_tick=forward)


def part(whole: Meter, watch: Callable[[Tensor], None] | None = None) -> Meter:
    """A meter for a part of the work of another: its rows count there too, and both are stopped together.

    ``watch`` is shown what previews are made of as well.
    """
    before = whole.rows

    def forward(own: Meter) -> None:
        whole.rows = before + own.rows
        if whole.on_tick is not None:
            whole.on_tick(whole)
        if whole.cancelled:
            own.cancel()

    def show(x0: Tensor) -> None:
        whole.preview(x0)
        if watch is not None:
            watch(x0)

    return Meter(on_tick=forward, on_preview=show)
