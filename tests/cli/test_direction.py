"""``overpaint direction``: files of directions, what they say, and what is said where there can be none."""

from pathlib import Path

import pytest
from tests.cli.kit import overpaint, save_picture

from overpaint.tune.direction import Direction


def test_it_is_written_shown_and_used(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "cat2dog.safetensors"
    said = overpaint("direction", "cat", "dog", "--model", folder, "-o", file, "--sentences", "8", "--json")
    assert said.code == 0, said.err
    assert said.figures["output"] == str(file) and said.figures["source"] == "cat"
    shown = overpaint("show", file)
    assert shown.code == 0 and "from 'cat' to 'dog'" in shown.out and "arXiv:2302.03027" in shown.out
    assert overpaint("show", file, "--json").figures["target"] == "dog"
    picture, out = save_picture(tmp_path / "in.png"), tmp_path / "out.png"
    asked: list[str | Path] = [
        "edit",
        picture,
        "--method",
        "pix2pix-zero",
        "--model",
        folder,
        "--source",
        "a cat",
        "--steps",
        "2",
    ]
    done = overpaint(*asked, "--direction", file, "-o", out)
    assert done.code == 0, done.err
    assert str(file) in overpaint("show", out).out
    again = overpaint("rerun", out, "-o", tmp_path / "again.png")
    assert again.code == 0 and "not bit for bit" not in again.err, again.err
    both = overpaint(*asked, "--direction", file, "--target", "a dog", "-o", tmp_path / "both.png")
    assert both.code == 2 and "both say what shall change" in both.err


def test_own_sentences(folder: Path, tmp_path: Path) -> None:
    cats, dogs, file = (tmp_path / name for name in ("cats.txt", "dogs.txt", "own.safetensors"))
    cats.write_text("a cat\na red cat\n")
    dogs.write_text("a dog\na red dog\na dog asleep\n")
    asked: list[str | Path] = ["direction", "cat", "dog", "--model", folder, "-o", file]
    said = overpaint(*asked, "--source-sentences", cats, "--target-sentences", dogs)
    assert said.code == 0 and "2 and 3 sentences" in said.out, said.err
    assert Direction.load(file).sentences == (2, 3)
    cats.write_text("a cat\n")
    said = overpaint(*asked, "--source-sentences", cats, "--target-sentences", dogs, "--overwrite")
    assert said.code == 2 and "holds one sentence" in said.err
    assert Direction.load(file).sentences == (2, 3), "the old one stays"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", "dog"], "A direction leads from words to words"),
        (["cat", "  "], "A direction leads from words to words"),
        (["cat", "Cat"], "Both words are the same"),
        (["cat", "dog", "--source-sentences", "x.txt"], "about both words"),
        (["cat", "dog", "-o", "cat2dog.png"], "must end in .safetensors"),
        (["cat", "dog", "-o", "no/such/folder/x.safetensors"], "no such folder"),
        (["cat", "dog", "-o", "there.safetensors"], "exists already"),
        (["cat", "dog", "--sentences", "1"], "not in the range 2<=x<=10000"),
        (["cat", "dog", "--sentences", "100000"], "not in the range 2<=x<=10000"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.safetensors").write_text("kept")
    done = overpaint("direction", *arguments)
    assert done.code == 2 and said in done.err
    assert (tmp_path / "there.safetensors").read_text() == "kept"
