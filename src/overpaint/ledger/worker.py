"""A worker: takes work, is heard of while it works, stops between two network calls when it is asked to."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any, Protocol, runtime_checkable

from overpaint.errors import OverpaintError, sentence
from overpaint.ledger.entry import Entry, LedgerError, Lost
from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import LEASE, Ledger
from overpaint.meter import Cancelled, Meter

LOOK = 0.25
"""Seconds between two looks at whether somebody wants work to stop, or whether there is some."""
BEATS = 8
"""Looks between two signs of life."""
Do = Callable[[Entry, Meter], Mapping[str, Any]]
"""Does a piece of work and says what came out; a refusal is an `OverpaintError`."""


@runtime_checkable
class Desk(Protocol):
    """What a worker says of work that it holds: to the queue itself, or to whoever keeps it far away."""

    def get(self, id: str) -> Entry: ...
    def beat(self, entry: Entry, progress: float, seconds: float) -> bool: ...
    def store(self, entry: Entry, result: Mapping[str, Any]) -> None: ...
    def finish(self, entry: Entry, result: Mapping[str, Any]) -> None: ...
    def fail(self, entry: Entry, sentence: str) -> None: ...
    def drop(self, entry: Entry) -> None: ...
    def give_back(self, entry: Entry) -> None: ...
    def leave(self) -> None: ...


@dataclass
class Worker:
    """One worker; several of them, in threads, processes or machines, share a ledger."""

    ledger: Ledger
    do: Do
    note: Callable[[Entry], None] = lambda entry: None
    """Told of every piece of work that is over."""
    stop: Event = field(default_factory=Event)
    """Set by somebody else: what is being done is given back, and no more is taken."""
    lease: float = LEASE

    def run(self, forever: bool = False) -> None:
        """Work until nothing waits, or until it is told to stop."""
        hand = Hand(self.ledger, self.do, self.stop, self.lease)
        with Holder(self.ledger.folder) as holder:
            while not self.stop.is_set():
                entry = self.ledger.lease(holder, self.lease)
                if entry is not None:
                    if hand.worked(entry):
                        self.note(self.ledger.get(entry.id))
                elif forever or self.may_come():
                    self.stop.wait(LOOK)
                else:
                    return

    def may_come(self) -> bool:
        """Whether there may be work later: another works at some, which may come back, or all is paused."""
        counts = self.ledger.counts()
        return bool(counts.get("running") or (self.ledger.paused and counts.get("queued")))


@dataclass
class Hand:
    """Does one leased piece of work after the other, and says at a desk how each goes."""

    desk: Desk
    do: Do
    stop: Event = field(default_factory=Event)
    lease: float = LEASE
    look: float = LOOK

    def worked(self, entry: Entry) -> bool:
        """Do one and say how it ended; false if it has gone to somebody else meanwhile.

        Raises:
            LedgerError: nothing can be written just now; the work waits again.
        """
        meter = Meter()
        try:
            with self._heard(entry, meter) as trouble:
                self._ended(entry, meter, trouble)
        except Lost:
            return False
        return True

    def _ended(self, entry: Entry, meter: Meter, trouble: Sequence[LedgerError]) -> None:
        desk = self.desk
        try:
            try:
                result = self.do(entry, meter)
            except Cancelled:
                if trouble:  # nobody asked for it to stop
                    raise trouble[0] from None
                raise
        except Cancelled:
            desk.give_back(entry) if self.stop.is_set() else desk.drop(entry)
        except Lost:
            raise
        except LedgerError:  # nothing is wrong with the work, so it waits until there is room
            with suppress(Lost, LedgerError):
                desk.give_back(entry)
            raise
        except Exception as error:  # a mistake in one method must not end a run of days
            desk.fail(entry, sentence(error))
        else:
            desk.finish(entry, result)

    @contextmanager
    def _heard(self, entry: Entry, meter: Meter) -> Generator[Sequence[LedgerError], None, None]:
        """A thread that keeps the lease and passes on that the work shall stop; gives its own trouble."""
        over, trouble = Event(), list[LedgerError]()

        def beat() -> None:
            looks = 0
            try:
                while not over.wait(self.look):
                    looks += 1
                    wanted = self.desk.get(entry.id).cancelling or self.stop.is_set()
                    if looks % BEATS == 0:
                        wanted = self.desk.beat(entry, meter.share, self.lease) or wanted
                    if wanted:
                        meter.cancel()
            except LedgerError as error:
                trouble.append(error)
                meter.cancel()
            except OverpaintError:  # lost or pruned: the end of the work will say so
                meter.cancel()
            finally:
                self.desk.leave()

        thread = Thread(target=beat, name=f"heard of {entry.id}", daemon=True)
        thread.start()
        try:
            yield trouble
        finally:
            over.set()
            thread.join()
