from pathlib import Path

import pytest

from tests.cli.kit import save_folder, save_picture
from tests.corpus.kit import Place


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One tiny model on disk for the whole corpus."""
    return save_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def place(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A folder of its own for every case; nothing reaches the user's cache."""
    monkeypatch.setenv("OVERPAINT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
    return Place(tmp_path, save_picture(tmp_path / "cat.png"), model)
