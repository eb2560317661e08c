from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.web.browser import chromium
from tests.web.kit import Client, on_the_tiny_model, serving
from tests.web.live import live

from overpaint.web.studio import Studio


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    on_the_tiny_model(monkeypatch)


@pytest.fixture
def client(tmp_path: Path, tiny: None) -> Iterator[Client]:
    """A server that works, and a client of it."""
    with serving(tmp_path / "serve") as made:
        yield made


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Client]:
    """A server that does nothing of what is asked for."""
    with serving(tmp_path / "serve", devices=()) as made:
        yield made


@pytest.fixture(scope="module")
def asleep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """The same for tests that leave nothing behind that others would see."""
    with serving(tmp_path_factory.mktemp("asleep") / "serve", devices=(), most_waiting=10**6) as made:
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Studio]]:
    """A server that a browser can ask, and what is behind it."""
    with pytest.MonkeyPatch.context() as patch:
        on_the_tiny_model(patch)
        with live(tmp_path_factory.mktemp("page") / "serve") as made:
            yield made


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    """A browser."""
    with chromium() as made:
        yield made
