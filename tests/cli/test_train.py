from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import overpaint

from overpaint import train as module
from overpaint.cli.train import STAGES
from overpaint.train.stages import Trainer


def test_everything_is_handed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def train(*args: Any, **named: Any) -> None:
        seen.append((args, named))

    monkeypatch.setattr(module, "train", train)
    given = ["--size", "gpu", "--stage", "vae", "--minutes", "2.5", "--toy", "--fresh", "--output", tmp_path]
    assert overpaint("train", "still-life", *given).code == 0
    named = {"minutes": 2.5, "steps": None, "toy": True, "resume": False, "device": None}
    assert seen == [(("still-life", "gpu", "vae", tmp_path), named)]


def test_ctrl_c_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def train(*args: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "train", train)
    said = overpaint("train", "still-life")
    assert (said.code, said.err) == (130, "Stopped; the same command goes on from the last saved state.\n")


def test_the_help_names_every_stage() -> None:
    assert STAGES.split(", ") == [*Trainer(Path()).stages(), "publish"]
    assert "decoder" in overpaint("train", "--help").out
