"""Everything behind the service: the queue, the pictures, the workers, the news."""

import logging
import shutil
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import BoundedSemaphore, Event, Thread
from typing import Any
from weakref import WeakValueDictionary

from filelock import FileLock, Timeout

from overpaint.errors import OverpaintError, UsageError
from overpaint.images import Picture, decode_picture
from overpaint.ledger.entry import Entry
from overpaint.ledger.queue import Ledger
from overpaint.ledger.shelf import Shelf
from overpaint.ledger.worker import Worker
from overpaint.model import Model
from overpaint.web.cost import Measured, about, measured
from overpaint.web.doing import SUFFIX, Doer
from overpaint.web.hub import Hub, News
from overpaint.web.safety import Refused
from overpaint.web.schemas import ModelOut
from overpaint.web.serving import Serving
from overpaint.web.telling import told

LOG = logging.getLogger("overpaint.serve")
AT_ONCE = 2
"""Pictures that are decoded at a time: each may take as much memory as the limits allow."""
STALE = 5.0
"""Seconds after which the bytes that are kept are counted anew."""
REST = 5.0
"""Seconds before a worker that could not write tries again."""


@dataclass(eq=False)
class Studio:
    """One server's work, in one folder."""

    serving: Serving
    ledger: Ledger = field(init=False)
    hub: Hub = field(default_factory=Hub)
    stop: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list[Thread])
    streams: dict[str, int] = field(default_factory=dict[str, int])
    """How many streams of events each client has open."""
    decoding: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(AT_ONCE))
    models: dict[str, ModelOut] = field(default_factory=dict[str, ModelOut])
    """What is known of those that were loaded."""
    loaded: WeakValueDictionary[str, Model] = field(default_factory=WeakValueDictionary[str, Model])
    speeds: dict[str, Measured] = field(default_factory=dict[str, Measured])
    seconds: float = 0.0
    rows: int = 0
    """Of all work that was done since the server began."""
    counted: tuple[float, int] = (0.0, 0)
    """When the bytes that are kept were counted, and how many they were."""
    lock: FileLock = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.serving.folder)
        self.lock = FileLock(self.serving.folder / "serve.lock", thread_local=False)

    @property
    def shelf(self) -> Shelf:
        """Where pictures are."""
        return Shelf(self.ledger.results)

    # Running --------------------------------------------------------------------------------------------

    def claim(self) -> None:
        """Take the folder for this server.

        Raises:
            UsageError: another one works in it.
        """
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise UsageError(
                f"Another server works in {self.serving.folder}; use that one, or say --folder for this one."
            ) from None

    def start(self) -> None:
        """Begin to work: one thread for each device."""
        for k, device in enumerate(self.serving.devices):
            thread = Thread(target=self.work, args=(device,), name=f"worker {k}", daemon=True)
            thread.start()
            self.threads.append(thread)

    def work(self, device: str | None) -> None:
        """Work until the server ends; what cannot be written just now is tried again later."""
        doer = Doer(self.ledger, self.serving, self.hub, device, self.meet)
        self.prepare(doer)
        while not self.stop.is_set():
            try:
                Worker(self.ledger, doer, self.note, self.stop).run(forever=True)
            except OverpaintError as error:
                LOG.error("%s", error)
                self.stop.wait(REST)

    def prepare(self, doer: Doer) -> None:
        """Load the first model before anybody asks, and say why where it cannot be."""
        name = self.serving.models[0]
        try:
            doer.model(name)
        except OverpaintError as error:
            self.models[name] = ModelOut(name=name, error=str(error))
            LOG.error("%s", error)

    def meet(self, name: str, model: Model) -> None:
        """Put down what a model is and how fast it is here, the first time it is used."""
        self.loaded[name] = model
        if name in self.speeds:
            return
        self.speeds[name] = measured(model)
        self.models[name] = about(name, model, self.serving.controls)

    def end(self) -> None:
        """Give back what is being done, and wait for the workers."""
        self.stop.set()
        for thread in self.threads:
            thread.join(60)
        self.lock.release()

    @property
    def workers(self) -> int:
        """How many are at work."""
        return sum(thread.is_alive() for thread in self.threads)

    def note(self, entry: Entry) -> None:
        """A piece of work is over: say so to whoever listens, and to the log."""
        self.hub.tell(entry.id, News("state", told(entry)))
        seconds = (entry.ended or 0.0) - (entry.began or 0.0)
        if entry.state == "done":
            shutil.rmtree(self.ledger.own(entry.id), ignore_errors=True)  # the shelf has all of it
            self.seconds += seconds
            self.rows += int(entry.result.get("figures", {}).get("rows", 0))
        said = f" {entry.work['request'].get('target', '')!r}" if self.serving.tell_prompts else ""
        method = entry.work.get("method", entry.work["kind"])
        LOG.info("%s %s %s %.1f s%s", entry.id, method, entry.state, seconds, said)

    # Pictures -------------------------------------------------------------------------------------------

    def keep(self, data: bytes, name: str) -> tuple[str, Picture]:
        """Put a picture away that came in, if it is one.

        Raises:
            UsageError: it is none, or beyond the limits.
            Refused: there is no more room for pictures.
        """
        with self.decoding:
            picture = decode_picture(data, name, limits=self.serving.limits)
        self.check_room(len(data))
        return self.shelf.put(data, SUFFIX), picture

    def check_room(self, more: int) -> None:
        """Refuse what would make the folder larger than it may be.

        Raises:
            Refused: it would.
        """
        if self.held() + more > self.serving.most_kept:
            raise Refused(507, "There is no more room for pictures here; delete some edits for good.")

    def held(self) -> int:
        """Bytes of pictures that are kept, counted now and then."""
        when, held = self.counted
        if not when or time.monotonic() - when > STALE:
            held = sum(map(size_of, self.ledger.results.glob("*/*")))
            self.counted = time.monotonic(), held
        return held

    def read(self, blob: str) -> bytes:
        """The bytes of a picture that is here.

        Raises:
            Refused: it is not.
        """
        try:
            return self.shelf.read(blob, SUFFIX)
        except UsageError:
            raise Refused(404, "There is no such picture here; send it again.") from None

    def picture(self, blob: str) -> Picture:
        """The same, decoded.

        Raises:
            Refused: it is not here.
        """
        return decoded(self, blob)

    # Work -----------------------------------------------------------------------------------------------

    def entry(self, id: str) -> Entry:
        """A piece of work.

        Raises:
            Refused: there is none.
        """
        try:
            found = self.ledger.get(id)
        except UsageError:
            raise Refused(404, f"There is no edit {id} here.") from None
        return found

    def put(self, work: Mapping[str, Any], client: str, key: str | None) -> Entry:
        """Queue a piece of work.

        Raises:
            Refused: the client has too much waiting.
        """
        waiting = self.ledger.waiting_of("client", client)
        if waiting >= self.serving.most_waiting:
            raise Refused(429, f"{waiting} edits of yours wait already; let some end first.")
        named = None if key is None else f"{client} {key}"
        return self.ledger.get(self.ledger.add({**work, "client": client}, named))

    @contextmanager
    def streaming(self, client: str) -> Generator[None, None, None]:
        """Count a stream of events.

        Raises:
            Refused: the client has too many.
        """
        if self.streams.get(client, 0) >= self.serving.most_streams:
            raise Refused(429, "Too many streams of events are open; close some.")
        self.streams[client] = self.streams.get(client, 0) + 1
        try:
            yield
        finally:
            self.streams[client] -= 1
            if not self.streams[client]:
                del self.streams[client]

    def model(self, name: str) -> str:
        """The name of a model that is served; the first, if none is said.

        Raises:
            UsageError: it is not served.
        """
        served = self.serving.models
        if name and name not in served:
            raise UsageError(f"This server has no model {name!r}; it has: {', '.join(served)}.")
        return name or served[0]


def size_of(file: Path) -> int:
    """Bytes of a file; none of one that has gone meanwhile, as drafts go to their places."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


@lru_cache(8)
def decoded(studio: Studio, blob: str) -> Picture:
    """A picture that is here; the last few are remembered."""
    data = studio.read(blob)
    with studio.decoding:
        return decode_picture(data, "The picture", limits=studio.serving.limits)
