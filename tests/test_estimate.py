from pathlib import Path

import pytest
import torch

from overpaint import estimate as module
from overpaint.estimate import Living, estimate, speed_of
from overpaint.job import Job, plan, wish
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared


@pytest.fixture
def job() -> Job:
    picture = torch.zeros(32, 32, 3, dtype=torch.uint8).numpy()
    asked = wish("edit", "p2p", picture, {"source": SOURCE, "target": TARGET}, {"steps": 4})
    return plan(asked, shared())


def test_living_counts_what_is_alive_and_no_views() -> None:
    with Living() as living:
        a = torch.zeros(1000)
        b = a + 1
        c = b.view(10, 100)
        assert living.now == living.most == 8000
        del a, b, c
        assert living.now == 0
        torch.zeros(500)
    assert living.most == 8000


def test_rows_are_the_card_s_and_seconds_follow_them(job: Job, tmp_path: Path) -> None:
    found, speed = estimate(job, tmp_path), speed_of(job, tmp_path)
    assert found.rows == job.cost.rows == (16, 16)
    assert found.backwards == (0, 0)
    assert found.seconds[0] == pytest.approx(speed.codec + 16 * speed.row)
    parameters = sum(p.numel() * 4 for p in job.model.net.parameters())
    assert parameters < found.memory < 100 * parameters


def test_a_model_is_looked_at_once(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = speed_of(job, tmp_path / "new")
    monkeypatch.setattr(module, "look", None)
    assert speed_of(job, tmp_path / "new") == first
    (file,) = (tmp_path / "new").iterdir()
    file.write_text("damaged")
    with pytest.raises(TypeError):
        speed_of(job, tmp_path / "new")


def test_a_folder_that_cannot_be_written_costs_nothing(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert speed_of(job, tmp_path / "file" / "below").row > 0
