from pathlib import Path

import numpy as np
import pytest
import torch
from tests.cli.kit import overpaint, save_still_life

from overpaint.cli import showing
from overpaint.cli.answer import scene_of
from overpaint.cli.showing import compared, judged, say_figures
from overpaint.images import Picture, load_picture
from overpaint.stilllife.judge import Judge
from overpaint.stilllife.scene import sample


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_still_life(tmp_path_factory.mktemp("models") / "world")


def test_the_demo_draws_edits_and_compares(world: Path, tmp_path: Path) -> None:
    args = ("demo", "--model", world, "--steps", "1", "-o", tmp_path / "demo")
    said = overpaint(*args)
    assert said.code == 0
    assert sorted(p.name for p in (tmp_path / "demo").iterdir()) == ["edited.png", "source.png", "strip.png"]
    assert scene_of(load_picture(tmp_path / "demo" / "source.png")) is not None
    for words in (
        "source: ",
        "target: ",
        "Outside the change",
        "Inside the change",
        "rows in",
        "side by side",
    ):
        assert words in said.out
    figures = overpaint(*args, "--json").figures
    inversion = figures["options"]["inversion"]
    assert (inversion["name"], inversion["convention"]) == ("direct", "diffusers")
    assert 0 < figures["share_changed"] < 0.6
    assert figures["figures"]["rows"] == 4


@pytest.mark.parametrize("name", ["source", "edited", "strip"])
def test_the_demo_writes_over_nothing_that_it_did_not_make(world: Path, tmp_path: Path, name: str) -> None:
    mine = tmp_path / f"{name}.png"
    mine.write_bytes(b"the only photograph")
    said = overpaint("demo", "--model", world, "--steps", "1", "-o", tmp_path)
    assert said.code == 2 and "no demo made it" in said.err
    assert mine.read_bytes() == b"the only photograph" and len(list(tmp_path.iterdir())) == 1


def test_comparison_looks_inside_and_outside_the_change() -> None:
    source = np.full((32, 32, 3), 100, np.uint8)
    answer, edit = source.copy(), source.copy()
    answer[8:16, 8:16] = 200
    edit[8:16, 8:16] = 200
    figures = compared(Picture(source), Picture(edit), Picture(answer))
    assert figures["psnr_outside"] == figures["psnr_inside"] == 99
    assert figures["psnr_untouched"] < 20
    assert figures["share_changed"] == pytest.approx(16 * 16 / 32**2)
    edit[0, 0] = 0
    again = compared(Picture(source), Picture(edit), Picture(answer))
    assert again["psnr_inside"] == 99 and again["psnr_outside"] < 45


def test_an_edit_that_is_worse_than_none_is_said_to_be_so(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"psnr_outside": 30.0, "psnr_inside": 12.0, "psnr_untouched": 13.0}
    say_figures(figures, None)
    assert "12.0 dB against the true answer (the source itself: 13.0 dB); worse than the source" in (
        capsys.readouterr().out
    )
    say_figures({**figures, "psnr_inside": 14.0}, None)
    assert "worse" not in capsys.readouterr().out


def test_the_judge_is_asked_about_the_scene(monkeypatch: pytest.MonkeyPatch) -> None:
    torch_state = torch.random.get_rng_state()
    scene = sample(3)
    monkeypatch.setattr(showing, "load_judge", lambda: Judge(16).eval())
    seen = judged(Picture(np.zeros((64, 64, 3), np.uint8)), scene)
    assert seen is not None
    assert seen.right + len(seen.wrong) == seen.points == 1 + 5 * len(scene.things) + 3
    torch.random.set_rng_state(torch_state)


def test_without_a_judge_there_is_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    from overpaint.stilllife.scene import SceneError

    def absent() -> None:
        raise SceneError("There is no judge.")

    monkeypatch.setattr(showing, "load_judge", absent)
    assert judged(Picture(np.zeros((64, 64, 3), np.uint8)), sample(3)) is None
