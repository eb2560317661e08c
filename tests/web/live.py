"""A server that listens on a port of this machine, in a thread of this process."""

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn
from tests.web.kit import PATIENCE

from overpaint.web.app import created
from overpaint.web.safety import Guard
from overpaint.web.server import bound, configured
from overpaint.web.serving import Serving
from overpaint.web.studio import Studio


@contextmanager
def live(folder: Path, **more: Any) -> Generator[tuple[str, Studio], None, None]:
    """The address of a server, and what is behind it."""
    listener = bound("127.0.0.1", 0)
    settings = replace(Serving(folder, **more), port=listener.getsockname()[1])
    studio = Studio(settings)
    server = uvicorn.Server(configured(settings, Guard(created(studio), settings)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        end = time.monotonic() + PATIENCE
        while not server.started:
            assert thread.is_alive() and time.monotonic() < end
            time.sleep(0.02)
        yield settings.address.rstrip("/"), studio
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
