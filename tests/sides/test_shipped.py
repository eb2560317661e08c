"""The side networks that come with the package are small, found by name, and lead what is made."""

from pathlib import Path

import pytest

from overpaint import load
from overpaint.families.locate import SHIPPED
from overpaint.sides.file import SIDES
from overpaint.sides.load import side_net
from overpaint.sides.segmenter import FOLDER, segmenter_of
from overpaint.stilllife.judge import load as load_judge
from overpaint.train.sides import figures

HOME = SHIPPED["still-life"]
LEADING = {"segmentation": "segmentation", "depth": "depth"}
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
    monkeypatch.setattr(figures, "STEPS", 8)
    alone = figures.led_figures(model, None, "segmentation", reader, judge, 5)
    assert alone["iou"] < 0.6
    for name, looked in LEADING.items():
        led = figures.led_figures(model, side_net(name, model), looked, reader, judge, 5)
        assert led["iou"] > 0.7, name
        assert led["right"] > alone["right"] - 0.1, name
