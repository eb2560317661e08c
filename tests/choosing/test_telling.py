from pathlib import Path

import pytest

from overpaint.choosing import telling as found


def test_it_follows_what_finds_signals_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*found.SIGNALS, "choosing/score.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    monkeypatch.setattr(found, "ROOT", tmp_path)

    def fresh() -> str:
        found.telling.cache_clear()
        return found.telling()

    before = fresh()
    (tmp_path / "choosing" / "score.py").write_text("x = 2\n")
    assert fresh() == before and not found.stale(before, "")
    (tmp_path / found.SIGNALS[0]).write_text("x = 2\n")
    assert fresh() != before and found.stale("", before)
    found.telling.cache_clear()
