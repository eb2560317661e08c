from pathlib import Path

import pytest
from tests.cli.kit import save_folder, save_picture

from overpaint import unload


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny model on disk for all tests of the command line."""
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    return save_picture(tmp_path / "cat.png")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a test stays in the user's cache, nor a model for the next test."""
    unload()
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", "dumb")
