"""The comparison of kinds of guidance: it goes on where it was stopped, and counts what all were given."""

import json
from pathlib import Path
from typing import Any

import pytest

from overpaint.train import guidance
from overpaint.train.guidance import LINES, SHOWN, compared, rows_of, table


def test_it_goes_on_where_it_was_and_compares_the_same_cases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = list[tuple[int, str]]()

    def seen(_model: object, _judge: object, one: Any, name: str, picture: Path) -> dict[str, Any]:
        made.append((int(picture.name[:3]), name))
        marks = {mark: name == "none" or one.index >= 0 for mark in SHOWN}
        return {"marks": marks, "rows": 25, "seconds": 1.0}

    monkeypatch.setattr(guidance, "measured", seen)
    names = ("none", "CLIP, 3")
    walk = compared(3, tmp_path, names)
    first = [next(walk) for _ in range(3)]
    walk.close()
    assert made == [(0, "none"), (0, "CLIP, 3"), (1, "none")]
    assert [row.count for row in rows_of(first)] == [1, 1]
    every = list(compared(3, tmp_path, names))
    assert made == [(k, name) for k in range(3) for name in names]
    assert [json.loads(line) for line in (tmp_path / LINES).read_text().splitlines()] == every
    assert "| CLIP, 3 | 100% |" in table(rows_of(every))
