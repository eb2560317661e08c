"""Serving until somebody ends it: the port is taken first, so that a wrong one is a sentence."""

import asyncio
import errno
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from overpaint.errors import UsageError
from overpaint.web.app import guarded
from overpaint.web.safety import HEAD
from overpaint.web.serving import Serving

MOST = 500
"""Connections at a time."""
IDLE = 15
GRACE = 3


class Patient(H11Protocol):
    """Speaks HTTP, and does not wait for ever for the head of a request."""

    patience = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Somebody connects, and has some seconds to ask something."""
        super().connection_made(transport)
        self.loop.call_later(self.patience, self.give_up, self.cycle)

    def on_response_complete(self) -> None:
        """An answer was given; if it is to be followed by another, that has to be asked for in time too."""
        before = self.cycle
        super().on_response_complete()
        self.loop.call_later(self.timeout_keep_alive + self.patience, self.give_up, before)

    def give_up(self, before: object) -> None:
        """Close a connection over which no whole request has come since an earlier one, if there was one."""
        if self.cycle is before and not self.transport.is_closing():
            self.transport.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        UsageError: the port is in use, may not be used, or the address is not this machine's.
    """
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        found = socket.socket(family, kind, protocol)
    except socket.gaierror:
        raise UsageError(f"{host!r} is no address here; use 127.0.0.1, or 0.0.0.0 for all.") from None
    except OSError as error:
        raise UsageError(said_of(error, host, port)) from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
    except OSError as error:
        found.close()
        raise UsageError(said_of(error, host, port)) from None
    return found


def said_of(error: OSError, host: str, port: int) -> str:
    """What to say of a port that cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return f"The port {port} is in use (perhaps by another overpaint); choose another with --port."
    if error.errno == errno.EACCES:
        return f"The port {port} may not be used; choose one above 1023 with --port."
    return f"{host}:{port} cannot be listened on ({error.strerror}); choose another --host or --port."


def configured(serving: Serving, app: Any) -> uvicorn.Config:
    """How uvicorn runs."""

    class OfThisServer(Patient):
        patience = serving.patience / 3

    return uvicorn.Config(
        app,
        http=OfThisServer,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST,
        timeout_keep_alive=IDLE,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=HEAD,
    )


def serve(serving: Serving, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    uvicorn.Server(configured(serving, guarded(serving))).run(sockets=[listener])
