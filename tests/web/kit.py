"""What tests of the service share: a server in this process on the tiny model, and a client of it."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared

from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.web import doing
from overpaint.web.app import created
from overpaint.web.safety import Guard
from overpaint.web.serving import Serving
from overpaint.web.studio import Studio

PATIENCE = 120.0
QUICK: dict[str, Any] = {"steps": 2}


class Kept:
    """Stands in for the models that are kept: there is one, of the tests."""

    def get(self, name: str, *how: object) -> Model:
        return shared()


def on_the_tiny_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is asked of a server is done on the model of the tests."""
    monkeypatch.setattr(doing, "KEPT", Kept())


def png(height: int = 32, width: int = 32, seed: int = 0, mode: str = "RGB") -> bytes:
    """A smooth picture as the bytes of a PNG."""
    y, x = np.mgrid[0:height, 0:width] / np.array([[[height]], [[width]]])
    pixels = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x * y + seed)], -1)
    out = BytesIO()
    Image.fromarray((pixels * 255).astype(np.uint8)).convert(mode).save(out, "PNG")
    return out.getvalue()


def white(height: int = 32, width: int = 32) -> bytes:
    """A mask, white in its left half."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : width // 2] = 255
    out = BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@dataclass
class Client:
    """A client of a server, and the server behind it."""

    http: TestClient
    studio: Studio

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return self.http.get(path, **more)

    def post(self, path: str, said: object = None, **more: Any) -> httpx2.Response:
        return self.http.post(path, json=said, **more) if said is not None else self.http.post(path, **more)

    def picture(self, data: bytes | None = None) -> str:
        """Send a picture; its id."""
        answer = self.http.post("/api/pictures", files={"file": ("x.png", data or png())})
        assert answer.status_code == 201, answer.text
        return answer.json()["id"]

    def asked(self, **more: Any) -> dict[str, Any]:
        """What a quick edit asks for."""
        usual = {"source": SOURCE, "target": TARGET, "method": "sdedit", "options": QUICK, "look": False}
        return {**usual, **({} if "image" in more else {"image": self.picture()}), **more}

    def edit(self, **more: Any) -> str:
        """Ask for a quick edit; its id."""
        answer = self.post("/api/edits", self.asked(**more))
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def until(self, id: str, state: str = "done") -> dict[str, Any]:
        """How work stands once it is so."""
        return until(lambda: self.get(f"/api/edits/{id}").json(), lambda one: one["state"] == state)

    def done(self, **more: Any) -> dict[str, Any]:
        """A quick edit once it is done."""
        return self.until(self.edit(**more))


def until(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """What is answered once it is so."""
    end = time.monotonic() + PATIENCE
    while not holds(found := ask()):
        assert time.monotonic() < end, found
        time.sleep(0.02)
    return found


@contextmanager
def serving(folder: Path, **more: Any) -> Generator[Client, None, None]:
    """A server and a client of it; without ``devices`` nothing is done."""
    settings = Serving(folder, **more)
    made = Studio(settings)
    with TestClient(Guard(created(made), settings), base_url="http://127.0.0.1:8787") as http:
        yield Client(http, made)


def slowly(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.2) -> None:
    """Make every network call take some time."""
    real = Meter.tick

    def tick(meter: Meter, work: Any, n: int = 1) -> None:
        time.sleep(seconds)
        real(meter, work, n)

    monkeypatch.setattr(Meter, "tick", tick)


def events(text: str) -> list[tuple[str, Mapping[str, Any]]]:
    """The events of a stream."""
    import json

    found = list[tuple[str, Mapping[str, Any]]]()
    for block in text.split("\n\n"):
        lines = {name: said for name, _, said in (line.partition(": ") for line in block.splitlines())}
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found
