"""The guard before everything else: who asks, by which name, from which page, and with how much.

A page of somebody else must neither post here nor read here, a name that was bent to this machine must not
pass for it, a body is measured while it arrives, and whoever is slow is not waited for.
"""

import asyncio
import hmac
import json
import time
from collections import deque
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from overpaint.web.serving import Serving, is_address

COOKIE = "overpaint-token"
SAFE = ("GET", "HEAD", "OPTIONS")
HEAD = 16 * 1024
"""Bytes that all headers of a request may have."""
OPEN = ("/healthz",)
"""What may be asked without a token."""
GUESSES, PER = 10, 60.0
"""Wrong tokens that a client may send in so many seconds."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS: Mapping[str, str] = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
Headers = Mapping[str, str]


class Refused(HTTPException):
    """A request that goes no further: the status, and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        # What of a body has not been read yet would be taken for the next request.
        super().__init__(status, sentence, {"connection": "close"} if status in (408, 413) else None)


@dataclass
class Guesses:
    """Wrong tokens of each client, so that nobody tries them all."""

    times: dict[str, deque[float]] = field(default_factory=dict[str, deque[float]])

    def check(self, client: str) -> None:
        """Refuse a client that has guessed too often.

        Raises:
            Refused: it has.
        """
        found = self.times.get(client)
        while found and time.monotonic() - found[0] > PER:
            found.popleft()
        if found and len(found) >= GUESSES:
            raise Refused(429, "Too many wrong tokens; wait a minute.")

    def wrong(self, client: str) -> None:
        """Put a wrong one down."""
        if len(self.times) > 10_000:  # of many addresses the oldest are forgotten
            self.times.clear()
        self.times.setdefault(client, deque(maxlen=GUESSES)).append(time.monotonic())


@dataclass
class Guard:
    """Passes on what may be asked."""

    app: ASGIApp
    serving: Serving
    guesses: Guesses = field(default_factory=Guesses)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request, or the start and end of the server."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing here speaks anything else; the connection is closed
        answer = Dressed(send)
        try:
            headers = headers_of(scope)
            self.check_host(headers)
            check_origin(scope, headers)
            if self.serving.token and await self.admitted(scope, headers, answer):
                return
            length = headers.get("content-length", "0")
            if length.isdigit() and int(length) > self.serving.body:
                raise too_large(self.serving.body)
            await self.app(scope, Measured(receive, self.serving), answer)
        except Refused as refused:
            if not answer.begun:
                await say(answer, refused.status_code, refused.detail)

    def check_host(self, headers: Headers) -> None:
        """Refuse a request to a name that is not this machine's.

        Raises:
            Refused: it is one.
        """
        host = host_of(headers.get("host", ""))
        numbered = self.serving.is_open and is_address(host)
        if host not in self.serving.hosts and not numbered:
            raise Refused(421, "This is not the machine you asked for; say --name to let it answer so.")

    async def admitted(self, scope: Scope, headers: Headers, answer: "Dressed") -> bool:
        """Whether the request is answered here: a token in the address becomes a cookie.

        Raises:
            Refused: there is no token, or a wrong one.
        """
        if scope["path"] in OPEN:
            return False
        client = client_of(scope)
        self.guesses.check(client)
        said = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [])
        if scope["path"] == "/" and scope["method"] == "GET" and said:
            self.check_token(said[0], client)
            cookie = f"{COOKIE}={self.serving.token}; HttpOnly; SameSite=Strict; Path=/"
            start: Message = {"type": "http.response.start", "status": 303}
            start["headers"] = [(b"location", b"/"), (b"set-cookie", cookie.encode("latin-1"))]
            await answer(start)
            await answer({"type": "http.response.body", "body": b""})
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        token = given.strip() if kind.lower() == "bearer" else cookie_of(headers)
        self.check_token(token, client)
        return False

    def check_token(self, token: str, client: str) -> None:
        """Refuse a wrong token, in a time that tells nothing about it.

        Raises:
            Refused: it is wrong.
        """
        wanted = self.serving.token.encode()
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), wanted):
            if token:
                self.guesses.wrong(client)
            raise Refused(401, "This server wants its token: open the address it printed when it started.")


@dataclass
class Measured:
    """A request's body as it arrives: no longer than allowed, and no slower."""

    receive: Receive
    serving: Serving
    length: int = 0
    until: float = 0.0
    whole: bool = False

    async def __call__(self) -> Message:
        """The next piece.

        Raises:
            Refused: it is too much, or takes too long.
        """
        if self.whole:  # from here on there is only the news that the client has gone
            return await self.receive()
        self.until = self.until or time.monotonic() + self.serving.patience
        try:
            async with asyncio.timeout(max(0.0, self.until - time.monotonic())):
                message = await self.receive()
        except TimeoutError:
            raise Refused(408, "The request took too long to arrive; send it again.") from None
        self.length += len(message.get("body", b""))
        self.whole = not message.get("more_body", False)
        if self.length > self.serving.body:
            raise too_large(self.serving.body)
        return message


@dataclass
class Dressed:
    """Answers with the headers that all of them have."""

    send: Send
    begun: bool = False

    async def __call__(self, message: Message) -> None:
        """Pass a piece of an answer on."""
        if message["type"] == "http.response.start":
            self.begun = True
            there = {name.lower() for name, _ in message.get("headers", [])}
            more = [(n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in there]
            more += [] if b"cache-control" in there else [(b"cache-control", b"no-store")]
            message["headers"] = [*message.get("headers", []), *more]
        await self.send(message)


def too_large(most: int) -> Refused:
    """What is said of a body that is too long."""
    return Refused(413, f"The request is larger than {most / 2**20:.0f} MiB; send a smaller picture.")


def headers_of(scope: MutableMapping[str, object]) -> dict[str, str]:
    """The headers by name.

    Raises:
        Refused: there are two that must be one, two that contradict each other, or too many.
    """
    found = dict[str, str]()
    pairs = scope["headers"]
    assert isinstance(pairs, list)
    if sum(len(name) + len(value) for name, value in pairs) > HEAD:  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        raise Refused(431, "The headers of the request are too long.")
    for name, value in pairs:  # pyright: ignore[reportUnknownVariableType]
        key = bytes(name).decode("latin-1").lower()  # pyright: ignore[reportUnknownArgumentType]
        if key in found and key in ("host", "origin", "authorization", "content-length"):
            raise Refused(400, f"The request has two headers called {key}.")
        found[key] = bytes(value).decode("latin-1")  # pyright: ignore[reportUnknownArgumentType]
    if "content-length" in found and "transfer-encoding" in found:
        raise Refused(400, "The request says twice how long it is.")
    return found


def host_of(said: str) -> str:
    """The name in a Host header, without its port."""
    try:
        return (urlsplit(f"//{said}").hostname or "").lower()
    except ValueError:
        return ""


def netloc_of(address: str) -> str:
    """The name and port in an address; nothing where it is none."""
    try:
        return urlsplit(address).netloc.lower()
    except ValueError:
        return ""


def check_origin(scope: Scope, headers: Headers) -> None:
    """Refuse what a page of somebody else sends or reads.

    Raises:
        Refused: it is that.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "same-origin")
    here = headers.get("host", "").lower()
    if origin is not None and netloc_of(origin) != here:
        raise Refused(403, "Pages of other servers may not ask this one.")
    navigating = headers.get("sec-fetch-mode") == "navigate" and scope["method"] in SAFE
    if site in ("cross-site", "same-site") and not (navigating and scope["path"] == "/"):
        raise Refused(403, "Pages of other servers may not ask this one.")


def cookie_of(headers: Headers) -> str:
    """The token in the cookie, if there is one."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value


def client_of(scope: Scope) -> str:
    """Who asks, by its address."""
    client = scope.get("client")
    return "" if client is None else str(client[0])


async def say(send: Send, status: int, sentence: str) -> None:
    """Answer with a sentence."""
    body = json.dumps({"error": sentence}).encode()
    close = [(b"connection", b"close")] if status in (408, 413) else []
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *close]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
