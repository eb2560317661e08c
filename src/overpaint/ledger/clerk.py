"""The queue for workers on other machines: a clerk beside it, and his desk as they see it from far away.

SQLite needs a disk with locks, so one process opens the file and speaks for all. No network library is
imported here, since the clerk needs none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from overpaint.ledger.entry import Entry
from overpaint.ledger.holder import Holder
from overpaint.ledger.queue import Ledger


@dataclass
class Clerk:
    """Keeps the queue for workers elsewhere; an actor on the machine of the command."""

    folder: Path
    stopping: bool = False
    """Whether work shall be given back."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.folder)
        self.holder = Holder(self.folder, driver=True).__enter__()

    def claim(self, id: str) -> Entry | bool:
        """The work of an id; else whether it is worth asking again."""
        if self.stopping:
            return False
        entry = self.ledger.get(id)
        if entry.state == "running" and entry.holder == self.holder.name:
            self.ledger.died(entry)
        leased = self.ledger.lease(self.holder, id=id)
        if leased is None:
            return self.ledger.paused and self.ledger.get(id).state == "queued"
        return leased

    def looked(self, id: str) -> tuple[Entry, bool]:
        """How an entry stands, and whether work shall be given back."""
        return self.ledger.get(id), self.stopping

    def tell(self, what: str, entry: Entry, *said: Any) -> Any:
        """What a worker says of the work it holds."""
        ledger = self.ledger
        told: Mapping[str, Callable[..., Any]] = {
            "beat": ledger.beat,
            "store": ledger.store,
            "finish": ledger.finish,
            "fail": ledger.fail,
            "drop": ledger.drop,
            "give_back": ledger.give_back,
        }
        return told[what](entry, *said)

    def stop(self) -> None:
        """Give out no more; those who hold work give it back."""
        self.stopping = True

    def holds(self) -> bool:
        """Whether work is held through this clerk."""
        running = self.ledger.entries("running")
        return any(entry.holder == self.holder.name for entry in running)

    def go(self) -> None:
        """The end: whatever is held is nobody's any more."""
        self.holder.__exit__(None, None, None)


@dataclass
class Distant:
    """The clerk's desk as a worker far away sees it."""

    ray: Any
    clerk: Any
    stop: Event

    def _asked(self, call: Any) -> Any:
        try:
            return self.ray.get(call)
        except self.ray.exceptions.RayTaskError as error:
            raise error.cause from None

    def claim(self, id: str) -> Entry | bool:
        """The work of an id; else whether it is worth asking again."""
        return self._asked(self.clerk.claim.remote(id))

    def get(self, id: str) -> Entry:
        """How an entry stands."""
        entry, stopping = self._asked(self.clerk.looked.remote(id))
        if stopping:
            self.stop.set()
        return entry

    def _tell(self, what: str, *said: Any) -> Any:
        return self._asked(self.clerk.tell.remote(what, *said))

    def beat(self, entry: Entry, progress: float, seconds: float) -> bool:
        """Keep a lease."""
        return bool(self._tell("beat", entry, progress, seconds))

    def store(self, entry: Entry, result: Mapping[str, Any]) -> None:
        """Say what came out."""
        self._tell("store", entry, dict(result))

    def finish(self, entry: Entry, result: Mapping[str, Any]) -> None:
        """The work is done."""
        self._tell("finish", entry, dict(result))

    def fail(self, entry: Entry, sentence: str) -> None:
        """The work cannot be done."""
        self._tell("fail", entry, sentence)

    def drop(self, entry: Entry) -> None:
        """The work was stopped."""
        self._tell("drop", entry)

    def give_back(self, entry: Entry) -> None:
        """The work is nobody's again."""
        self._tell("give_back", entry)

    def leave(self) -> None:
        """Nothing is kept open."""
