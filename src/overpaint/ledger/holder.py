"""Who works: a name, and a lock that the system lets go when the process dies, however it dies."""

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

WORKERS = "workers"
DRIVER = "_driver"
"""How the name of one ends that holds work for others."""


def host() -> str:
    """This machine's name, as far as it may stand in a file's name."""
    return "".join(c if c.isalnum() or c in "-." else "-" for c in socket.gethostname()) or "host"


def lock_of(folder: Path, name: str) -> Path:
    """Where the lock of a worker is."""
    return folder / WORKERS / f"{name}.lock"


@dataclass
class Holder:
    """A worker of a ledger's folder; within the ``with`` it counts as alive."""

    folder: Path
    name: str = ""
    driver: bool = False
    """Whether it holds work for others, who do it elsewhere."""
    lock: FileLock | None = None

    def __enter__(self) -> "Holder":
        self.name = f"{host()}_{os.getpid()}_{secrets.token_hex(4)}{DRIVER if self.driver else ''}"
        place = lock_of(self.folder, self.name)
        place.parent.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(place, thread_local=False)
        self.lock.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.lock is not None:
            self.lock.release()
            with suppress(OSError):
                lock_of(self.folder, self.name).unlink()


def is_driver(name: str) -> bool:
    """Whether that one held work for others."""
    return name.endswith(DRIVER)


def is_dead(folder: Path, name: str) -> bool:
    """Whether a worker is known to have died; of another machine's only its lease can tell."""
    if name.partition("_")[0] != host():
        return False
    place = lock_of(folder, name)
    if not place.exists():
        return True
    lock = FileLock(place)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    lock.release()
    with suppress(OSError):
        place.unlink()
    return True
