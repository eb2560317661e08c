"""``overpaint learn``: a file that is written, shown and used, and what is said where there can be none."""

from pathlib import Path

import pytest
from tests.cli.kit import overpaint, save_picture

from overpaint.files import atomic

FEW: list[str | Path] = ["--text-updates", "2", "--updates", "2", "--rank", "2"]


def test_it_is_written_shown_and_used_for_a_sheet(folder: Path, tmp_path: Path) -> None:
    picture, file, out = save_picture(tmp_path / "in.png"), tmp_path / "in.safetensors", tmp_path / "out.png"
    asked: list[str | Path] = ["learn", "imagic", picture, "--target", "a dog", "--model", folder]
    said = overpaint(*asked, *FEW, "--json")
    assert said.code == 0, said.err
    assert said.figures["output"] == str(file) and said.figures["target"] == "a dog"
    again = overpaint(*asked, *FEW)
    assert again.code == 2 and "exists already" in again.err
    shown = overpaint("show", file)
    assert shown.code == 0 and "for imagic" in shown.out and "arXiv:2210.09276" in shown.out
    edit: list[str | Path] = ["edit", picture, "--method", "imagic", "--target", "a dog", "--model", folder]
    done = overpaint(*edit, "--steps", "2", "--learned", file, "--eta", "0.4:1.0:0.3", "-o", out)
    assert done.code == 0, done.err
    assert "all 3 results" in done.out and (tmp_path / "out-sheet.png").exists()
    assert overpaint("rerun", out, "-o", tmp_path / "again.png").code == 0
    both = overpaint(*edit, "--learned", file, "--learning.rank", "3", "-o", tmp_path / "both.png")
    assert both.code == 2 and "was learned already" in both.err


def test_what_cannot_be_is_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = save_picture(tmp_path / "in.png")
    asked: list[str | Path] = ["learn", "imagic", picture, "--model", folder]
    nothing = overpaint(*asked)
    assert nothing.code == 2 and "target" in nothing.err
    odd = overpaint(*asked, "--target", "a dog", "-o", tmp_path / "x.png")
    assert odd.code == 2 and ".safetensors" in odd.err

    def full(*args: object, **named: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write", full)
    lost = overpaint(*asked, "--target", "a dog", *FEW, "--no-cache")
    assert lost.code == 2 and "No space left" in lost.err and "another place" in lost.err
