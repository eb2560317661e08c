"""One piece of work in the ledger, and the sentences about it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from overpaint.errors import OverpaintError, UsageError

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = ("queued", "running", "done", "failed", "cancelled")
OVER: frozenset[State] = frozenset({"done", "failed", "cancelled"})
"""Work that nobody will touch again unless it is asked for."""
MOST_DEATHS = 2
"""Workers that may die over one piece of work."""
DEADLY = (
    f"It ended its worker {MOST_DEATHS} times (killed, crashed or out of memory), so it is not tried again "
    "by itself; try a smaller picture or model, then retry it."
)


class LedgerError(OverpaintError):
    """The file of the ledger cannot be read or written: locked for too long, a full disk, damage."""


class Lost(OverpaintError):
    """Another worker has taken the work over, because this one was not heard of for too long."""


@dataclass(frozen=True)
class Entry:
    """Work as it stood when it was read."""

    id: str
    key: str
    state: State
    work: Mapping[str, Any]
    """What to do; pictures are named by their content and never stand here themselves."""
    attempts: int = 0
    """How often a worker began with it."""
    deaths: int = 0
    """How many of them died over it."""
    progress: float = 0.0
    """From 0 to 1."""
    result: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """What came out; there may be one before the work is done, which is then not made again."""
    said: str = ""
    """Why it failed."""
    cancelling: bool = False
    """Whether somebody wants it to stop."""
    holder: str = ""
    """Who works at it."""
    made: float = 0.0
    began: float | None = None
    ended: float | None = None
    """Times in seconds since 1970."""


def id_of(key: str) -> str:
    """What work is known by, from its idempotency key."""
    return sha256(key.encode()).hexdigest()[:16]


def packed(value: Mapping[str, Any]) -> str:
    """Values as text that is the same for equal ones.

    Raises:
        UsageError: they are not what JSON can hold.
    """
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise UsageError(f"Work in the queue must be plain values ({error}).") from None
