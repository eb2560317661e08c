"""The side networks that come with the package are small, found by name, and lead what is made."""

from pathlib import Path
from typing import Any

import pytest

from overpaint import load
from overpaint.families.locate import SHIPPED
from overpaint.methods.cyclenet import CycleNet
from overpaint.sides.cyclenet import translator
from overpaint.sides.file import SIDES
from overpaint.sides.load import side_net
from overpaint.sides.segmenter import FOLDER, segmenter_of
from overpaint.stilllife.judge import load as load_judge
from overpaint.stilllife.suits import CYCLE
from overpaint.train.sides import figures

HOME = SHIPPED["still-life"]
LEADING = {"segmentation": "segmentation", "depth": "depth", "canny": "edges"}
"""What each looks at, by its name."""


def weight(home: Path) -> int:
    """Bytes of all weights in a folder."""
    return sum(file.stat().st_size for file in home.rglob("*.safetensors"))


def test_they_are_small() -> None:
    assert weight(HOME / SIDES) + weight(HOME / FOLDER) < 16e6
    assert weight(HOME) < 45e6


def test_things_come_to_lie_where_they_are_said_to(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("still-life", dtype="float32", device="cpu")
    judge, reader = load_judge(), segmenter_of(model)
    assert reader is not None
    monkeypatch.setattr(figures, "STEPS", 6)
    alone = figures.led_figures(model, None, "segmentation", reader, judge, 3)
    assert alone["iou"] < 0.6
    for name, looked in LEADING.items():
        led = figures.led_figures(model, side_net(name, model), looked, reader, judge, 3)
        assert led["iou"] > 0.7, name
        assert led["right"] > alone["right"] - 0.1, name


def test_day_becomes_night_and_day_again(monkeypatch: pytest.MonkeyPatch) -> None:
    model = load("still-life", dtype="float32", device="cpu")
    monkeypatch.setattr(figures, "STEPS", 2)  # of DDIM translation, which is not looked at
    asked: dict[str, Any] = {**CYCLE, "steps": 10}
    how = CycleNet(**asked)
    found = figures.cycle_figures(model, translator("", model), load_judge(), how, 2)
    assert found["time"] > 0.6 and found["kept"] > 0.8
    assert found["back"] > 15
