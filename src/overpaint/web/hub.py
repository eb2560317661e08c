"""News of work on its way: told by the threads that work, heard by whoever listens."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Literal

Kind = Literal["state", "step", "preview"]
LONGEST = 16
"""News that a listener may be behind; of steps and previews the older ones are then left out."""


@dataclass(frozen=True)
class News:
    """What happened to a piece of work."""

    kind: Kind
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])


Queue = asyncio.Queue[News]


@dataclass
class Hub:
    """Hands news on, from any thread to the loop of the server."""

    loop: asyncio.AbstractEventLoop | None = None
    listeners: dict[str, set[Queue]] = field(default_factory=dict[str, set[Queue]])
    latest: dict[str, dict[Kind, News]] = field(default_factory=dict[str, dict[Kind, News]])
    """The last step and preview of what runs, for those who come later."""
    lock: Lock = field(default_factory=Lock)

    def tell(self, id: str, news: News) -> None:
        """Tell whoever listens; from any thread."""
        with self.lock:
            if news.kind == "state":
                self.latest.pop(id, None)
            else:
                self.latest.setdefault(id, {})[news.kind] = news
        if self.heard(id) and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._hand_out, id, news)

    def heard(self, id: str) -> bool:
        """Whether somebody listens to a piece of work; whoever comes later hears the next that is told."""
        return id in self.listeners

    def _hand_out(self, id: str, news: News) -> None:
        for queue in self.listeners.get(id, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(news)

    @asynccontextmanager
    async def listening(self, id: str) -> AsyncGenerator[Queue, None]:
        """The news of a piece of work from now on, the latest step and preview first."""
        queue: Queue = asyncio.Queue(LONGEST)
        with self.lock:
            for news in self.latest.get(id, {}).values():
                queue.put_nowait(news)
        self.listeners.setdefault(id, set()).add(queue)
        try:
            yield queue
        finally:
            self.listeners[id].discard(queue)
            if not self.listeners[id]:
                del self.listeners[id]
