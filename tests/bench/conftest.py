from pathlib import Path

import pytest

from overpaint import load
from overpaint.model import Model


@pytest.fixture(scope="session")
def still_life() -> Model:
    """The shipped model, for tests that leave it as they found it."""
    return load("still-life", device="cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a test stays in the user's cache."""
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
