from pathlib import Path

import pytest
from tests.cli.kit import SOURCE, TARGET
from tests.cli.kit import overpaint as command

from overpaint.choosing.choices import Choice, Choices
from overpaint.choosing.score import Score
from overpaint.images import load_picture
from overpaint.run import auto
from overpaint.run.loading import load


def asking(picture: Path, folder: Path) -> list[str | Path]:
    said: list[str | Path] = ["edit", picture, "--source", SOURCE, "--target", TARGET]
    return [*said, "--model", folder, "--method", "auto"]


def test_the_command_line_takes_it(picture: Path, folder: Path) -> None:
    said = asking(picture, folder)
    plain = command(*said, "--candidates", "1", "--dry-run")
    assert plain.code == 0 and "Rows through the network: 200" in plain.out, plain.err
    assert "to judge" not in plain.out, "nothing would tell which came off"
    assert command(*said, "--type", "flower").code == 2
    help_ = command("edit", "--method", "auto", "--help").out
    assert "--candidates" in help_ and "--type" in help_


def test_all_that_was_tried_is_on_a_sheet_and_said_in_a_line_each(
    picture: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"model": load(str(folder)).fingerprint, "code": "c", "cases": 9}
    tried = tuple(Choice(method="sdedit", said={"steps": 2, "strength": s}) for s in (0.5, 1.0))
    known = Choices.model_validate({**told, "by": {"object": tried}, "enough": 1.1})
    one = {"names": ("natural",), "means": (0.0,), "spreads": (1.0,), "weights": (1.0, 0.0)}
    score = Score.model_validate({**told, **one, "auc": 0.9, "auc_low": 0.8, "auc_high": 1.0})
    monkeypatch.setattr(auto, "shipped_choices", lambda: known)
    monkeypatch.setattr(auto, "shipped_score", lambda: score)
    out, sheet = tmp_path / "out.png", tmp_path / "out-sheet.png"
    sheet.write_bytes(b"mine")
    plan = command(*asking(picture, folder), "--dry-run")
    assert "24 to 60 to judge what was tried" in plan.out, "18 of the picture, 6 to 21 of each of two edits"
    said = command(*asking(picture, folder), "-o", out)
    assert said.code == 0 and "out-sheet-2.png: all 2 that were tried" in said.out, said.err
    assert sheet.read_bytes() == b"mine", "nothing is written over unasked"
    lines = [line for line in said.out.splitlines() if line.startswith("sdedit, chance")]
    assert [line.rpartition(": ")[2].partition(",")[0] for line in lines] == ["taken", "dropped"]
    again = command(*asking(picture, folder), "-o", out, "--overwrite", "--json")
    assert again.code == 0 and again.figures["sheet"] == str(sheet), again.err
    width, height = load_picture(sheet).size[::-1]
    assert width > 2 * height, "the picture and both edits"
    assert [set(one) for one in again.figures["chosen"]["tried"]] == [
        {"title", "chance", "signals", "dropped"}
    ] * 2
    alone = command(*asking(picture, folder), "--candidates", "1", "-o", tmp_path / "alone.png", "--json")
    assert alone.code == 0 and "sheet" not in alone.figures, alone.err
