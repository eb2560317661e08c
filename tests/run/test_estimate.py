import os
from dataclasses import replace
from pathlib import Path
from time import time
from typing import Any

import pytest
import torch
from tests.checkpoints import CASES, tiny_configs, written
from tests.cli.kit import SOURCE, TARGET, save_folder
from tests.kit import shared

from overpaint.families.tiny import SHAPES, Shape, tiny, tiny_eye
from overpaint.model import Model
from overpaint.run import estimate as module
from overpaint.run.estimate import Living, Speed, estimate, resident, speed_of
from overpaint.run.loading import load
from overpaint.run.plan import Job, plan
from overpaint.run.request import edit_request


@pytest.fixture
def job() -> Job:
    picture = torch.zeros(32, 32, 3, dtype=torch.uint8).numpy()
    asked = edit_request("edit", "p2p", picture, {"source": SOURCE, "target": TARGET}, {"steps": 4})
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


def test_what_clip_looks_at_takes_its_time(tmp_path: Path) -> None:
    picture = torch.zeros(32, 32, 3, dtype=torch.uint8).numpy()
    model = replace(shared(), open_eye=tiny_eye)
    options = {"learning": {"updates": 50, "views": 4}}
    asked = edit_request("edit", "text2live", picture, {"source": SOURCE, "target": TARGET}, options)
    job = plan(asked, model)
    found, speed, looks = estimate(job, tmp_path), speed_of(job, tmp_path), job.cost.looks[1]
    assert looks == 51 * 18 and found.rows == (0, 0)
    beside = found.seconds[1] - speed.codec - 50 * module.BACKWARD * speed.row
    assert beside > 0
    assert beside / (module.BACKWARD * looks) < 1


@pytest.mark.parametrize(
    ("walking", "peak"),
    [(0, 240), (100, 240), (150, 250)],
    ids=["codec", "codec still", "walk"],
)
def test_the_peak_is_that_of_the_walk_or_that_of_the_codec(walking: int, peak: int) -> None:
    speed = Speed(
        row=0,
        codec=0,
        row_bytes=0,
        tuned_bytes=0,
        codec_bytes=200,
        weights=100,
        codec_weights=40,
        most_weights=100,
    )
    assert speed.peak(walking) == peak
    assert speed.model_copy(update={"most_weights": 300}).peak(walking) == 300


def test_a_model_is_looked_at_once(job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = speed_of(job, tmp_path / "new")
    monkeypatch.setattr(module, "look", None)
    assert speed_of(job, tmp_path / "new") == first
    (file,) = (tmp_path / "new").iterdir()
    os.utime(file, (0, time() - module.KEPT - 60))
    with pytest.raises(TypeError):  # an old one may be of a day on which the machine was busy
        speed_of(job, tmp_path / "new")
    file.write_text("damaged")
    with pytest.raises(TypeError):
        speed_of(job, tmp_path / "new")


def test_a_folder_that_cannot_be_written_costs_nothing(job: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert speed_of(job, tmp_path / "file" / "below").row > 0


def weights_of(model: Model) -> int:
    """What is counted of a model that is on its device as a whole."""
    (whole,) = set(resident(model))
    return whole


def counted(model: Any) -> int:
    """Bytes of the weights of all parts, looked up one by one."""
    nets = (model.net, model.family.codec.vae, *model.family.encoders)
    return sum(p.numel() * p.element_size() for net in nets for p in net.parameters())


@pytest.mark.parametrize("title", ["SD 1.x, half precision", "SDXL"])
def test_weights_of_one_file_are_counted_whole(title: str, tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.title == title)
    with tiny_configs(tmp_path):
        _, file = written(case, tmp_path)
        model = load(str(file), dtype="float32", device="cpu")
    assert weights_of(model) == counted(model) == weights_of(tiny(case.shape))
    assert weights_of(load(str(save_folder(tmp_path / "folder")), device="cpu")) == weights_of(tiny("sd1"))


def test_weights_are_counted_as_they_lie_in_memory(tmp_path: Path) -> None:
    folder = str(save_folder(tmp_path / "folder"))
    whole, half = (load(folder, dtype=dtype, device="cpu") for dtype in ("float32", "bfloat16"))
    network = sum(4 * p.numel() for p in whole.net.parameters())
    assert (
        weights_of(whole) - weights_of(half) == network // 2
    )  # text encoders stay as they are, and this codec


@pytest.mark.parametrize("shape", SHAPES)
def test_weights_of_a_model_from_nowhere_are_counted_whole(shape: Shape) -> None:
    model = shared(shape)
    assert model.home is None and weights_of(model) == counted(model)
