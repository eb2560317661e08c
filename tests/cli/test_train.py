from pathlib import Path
from typing import Any

import pytest
from tests.cli.kit import overpaint
from tests.train.sides.kit import data

from overpaint import train as module
from overpaint.cli.train import STAGES
from overpaint.train.sides import looking
from overpaint.train.stages import Trainer

PASSES = {"controlnet": 1, "t2i-adapter": 1, "cyclenet": 5}


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
    assert "decoder" in overpaint("train", "still-life", "--help").out


def test_a_data_set_is_checked_line_by_line(tmp_path: Path) -> None:
    home = data(tmp_path)
    good = overpaint("train", "controlnet", home, "--check")
    assert good.code == 0 and "6 lines can be read, 0 faults." in good.out
    (home / "captions.jsonl").write_text('{"image": "0.png", "text": "a"}\n{"image": "7.png", "text": "b"}\n')
    bad = overpaint("train", "t2i-adapter", home, "--check")
    assert bad.code == 2 and "captions.jsonl, line 2: there is no file 7.png in images." in bad.out
    told = overpaint("train", "cyclenet", home, "--check", "--json")
    assert told.code == 2 and len(told.figures["faults"]) == 2
    drawn = overpaint("train", "controlnet", "still-life", "--check")
    assert drawn.code == 2 and "nothing to check" in drawn.err


@pytest.mark.parametrize("what", ["controlnet", "t2i-adapter", "cyclenet"])
def test_side_networks_are_trained_by_command(
    what: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "STEPS", 1)
    home = data(tmp_path / "set", cycle=what == "cyclenet")
    told = ("--model", folder, "-o", tmp_path / "run", "--steps", "1", "--batch", "2", "--held", "1")
    done = overpaint("train", what, home, *told)
    assert done.code == 0 and "1 of 1 steps are taken." in done.out
    assert "1 steps of 2 pictures train " in done.err and f" {2 * PASSES[what]} rows go " in done.err
    assert (tmp_path / "run" / "diffusers" / "config.json").is_file()
    assert (tmp_path / "run" / "curve.png").is_file()


def test_options_of_another_kind_are_not_known(tmp_path: Path) -> None:
    said = overpaint("train", "controlnet", tmp_path, "--fast")
    assert said.code == 2 and "There is no option --fast" in said.err
    assert "--rank" in overpaint("train", "controlnet", "--help").out
    assert "--rank" not in overpaint("train", "t2i-adapter", "--help").out
