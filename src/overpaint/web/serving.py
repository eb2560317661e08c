"""How a server is set up: where it listens, what it may be asked for, and how much of everything."""

import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from overpaint.errors import UsageError
from overpaint.images import Limits

LOOPBACK = ("localhost", "127.0.0.1", "::1")
MEGABYTE = 2**20


@dataclass(frozen=True)
class Serving:
    """A server's settings. The defaults are for one person at one machine."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = 8787
    token: str = ""
    """What whoever asks must know; nothing where only this machine can ask."""
    names: tuple[str, ...] = ()
    """Further names that this machine is reached by."""
    models: tuple[str, ...] = ("still-life",)
    controls: Mapping[str, Path] = field(default_factory=dict[str, Path])
    """Side networks of the owner's, by the names that clients know."""
    devices: tuple[str | None, ...] = (None,)
    dtype: str | None = None
    offload: bool = False
    memory: str | None = None
    limits: Limits = field(default_factory=Limits)
    most_waiting: int = 200
    """Pieces of work that one client may have waiting."""
    most_streams: int = 20
    """Streams of events that one client may have open."""
    most_kept: int = 20 * 1024 * MEGABYTE
    """Bytes of pictures that are kept at most."""
    patience: float = 30.0
    """Seconds that a request may take to arrive, and the head of one at most a third of it."""
    tell_prompts: bool = False
    """Whether prompts are written to the log."""

    @property
    def body(self) -> int:
        """The largest body of a request, which may hold a picture and a mask."""
        return 2 * self.limits.bytes + MEGABYTE

    @property
    def is_open(self) -> bool:
        """Whether others than this machine can reach it."""
        return not is_loopback(self.host)

    @property
    def hosts(self) -> frozenset[str]:
        """What a request may call this machine; another name is a trick (DNS rebinding)."""
        own = {*LOOPBACK, self.host.lower(), *(name.lower() for name in self.names)}
        return frozenset(own | ({socket.gethostname().lower()} if self.is_open else set()))

    @property
    def address(self) -> str:
        """Where a browser finds it."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"


def is_loopback(host: str) -> bool:
    """Whether an address is one that only this machine reaches."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_address(host: str) -> bool:
    """Whether it is a number rather than a name: no name server can have lied about it."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def checked_models(names: Sequence[str]) -> tuple[str, ...]:
    """Names of models that are served, each once.

    Raises:
        UsageError: there is none.
    """
    found = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not found:
        raise UsageError("No model is named; say --models still-life, or leave it out.")
    return found
