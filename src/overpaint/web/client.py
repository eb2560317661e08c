"""Asking a server from a program: no further package, no redirect, every trouble a sentence."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from overpaint.errors import UsageError

PATIENCE = 60.0
"""Seconds to wait for an answer; work itself may take as long as it likes."""
LOOK = 0.3
LARGEST = 1 << 30
OVER = ("done", "failed", "cancelled")


class Stays(HTTPRedirectHandler):
    """Follows no redirect: it might lead the token elsewhere."""

    def redirect_request(self, *args: Any, **named: Any) -> None:
        """Nothing."""
        return None


@dataclass(frozen=True)
class Remote:
    """A server, by its address; a token may stand in it as the server printed it."""

    address: str
    token: str = ""

    @staticmethod
    def of(said: str) -> "Remote":
        """From what a person writes.

        Raises:
            UsageError: it is no address of a server.
        """
        try:
            parts = urlsplit(said if "://" in said else f"http://{said}")
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            fine = False
            parts = urlsplit("")
        if not fine:
            raise UsageError(f"{said[:80]!r} is no address of a server; write http://machine:8787.")
        token = parse_qs(parts.query).get("token", [""])[0]
        return Remote(urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")), token)

    def asked(self, method: str, path: str, said: object = None) -> bytes:
        """What the server answers.

        Raises:
            UsageError: it cannot be reached, or refuses; the sentence is its own.
        """
        headers = {"accept": "*/*", **({"authorization": f"Bearer {self.token}"} if self.token else {})}
        body = None if said is None else json.dumps(said).encode()
        if body is not None:
            headers["content-type"] = "application/json"
        request = Request(self.address + path, body, headers, method=method)
        try:
            with opener().open(request, timeout=PATIENCE) as answer:
                return cast(bytes, answer.read(LARGEST))
        except HTTPError as error:
            raise UsageError(sentence_of(error, self.address)) from None
        except (URLError, HTTPException, OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            raise UsageError(f"The server {self.address} cannot be reached ({why}); is it running?") from None

    def told(self, method: str, path: str, said: object = None) -> dict[str, Any]:
        """The same as values.

        Raises:
            UsageError: the answer is none of an overpaint server.
        """
        data = self.asked(method, path, said)
        try:
            return {**cast("dict[str, Any]", json.loads(data))}
        except (ValueError, TypeError):
            raise UsageError(f"{self.address} answers, but is no server of overpaint.") from None

    def edit(
        self, said: Mapping[str, Any], progress: Callable[[float], None] = lambda share: None
    ) -> tuple[dict[str, Any], bytes]:
        """Ask for an edit and wait for it; how it stands in the end, and the bytes of its picture.

        Raises:
            UsageError: it failed.
        """
        work = self.told("POST", "/api/edits", dict(said))
        path = f"/api/edits/{work['id']}"
        try:
            while work["state"] not in OVER:
                time.sleep(LOOK)
                work = self.told("GET", path)
                progress(float(work["progress"]))
        except BaseException:  # whoever goes away takes the work along
            self.asked("DELETE", path)
            raise
        if work["state"] != "done":
            raise UsageError(work["error"] or "The edit was stopped on the server.")
        return work, self.asked("GET", f"{path}/image")


def opener() -> OpenerDirector:
    """What opens addresses, without following redirects."""
    return build_opener(Stays)


def sentence_of(error: HTTPError, address: str) -> str:
    """What a server says is wrong."""
    try:
        said = json.loads(error.read(100_000))["error"]
        return said if isinstance(said, str) else str(said["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return f"The server {address} refuses ({error.code} {error.reason})."


def packed(data: bytes) -> str:
    """A picture as a request carries it."""
    return b64encode(data).decode()
