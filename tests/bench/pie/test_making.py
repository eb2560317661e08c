from pathlib import Path

import pytest

from overpaint.bench.pie.making import make
from overpaint.errors import UsageError


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="is not empty; choose another"):
        make(tmp_path, [])
    with pytest.raises(UsageError, match=r"cannot be written to \(Not a directory\); choose another"):
        make(tmp_path / "mine", [])
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]
