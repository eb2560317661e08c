"""``overpaint learn``: a file that is written, shown and used, and what is said where there can be none."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests import original
from tests.cli.kit import overpaint, save_picture
from tests.kit import draw

from overpaint.families.concept import Concept
from overpaint.families.tiny import tiny_eye
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


WORD: list[str | Path] = ["--updates", "2", "--batch", "1", "--sentences", "a {}; a photo of {}"]


def test_a_word_is_learned_and_read_by_any_method(folder: Path, tmp_path: Path) -> None:
    pictures = [save_picture(tmp_path / f"{k}.png", 16 * k + 16) for k in (1, 2)]
    file, out = tmp_path / "mine.safetensors", tmp_path / "out.png"
    asked: list[str | Path] = ["learn", "p-plus", *pictures, "--init", "cat", "--model", folder, "-o", file]
    said = overpaint(*asked, *WORD, "--word", "<mine>", "--json")
    assert said.code == 0, said.err
    assert (said.figures["word"], said.figures["layers"], said.figures["tensors"]) == ("<mine>", 7, 7)
    shown = overpaint("show", file)
    assert "the word <mine>, for 7 layers" in shown.out and "arXiv:2303.09522" in shown.out
    edit: list[str | Path] = ["edit", pictures[0], "--source", "a cat", "--model", folder, "--steps", "2"]
    told: list[str | Path] = ["--target", "a <mine>", "--learned", file]
    done = overpaint(*edit, *told, "--method", "p2p", "-o", out)
    assert done.code == 0, done.err
    assert overpaint("rerun", out, "-o", tmp_path / "again.png").code == 0
    other = overpaint(*edit, "--target", "a pot", "--learned", f"{file}:pot", "-o", tmp_path / "pot.png")
    assert other.code == 0, other.err
    make: list[str | Path] = ["generate", "a <mine>", "--model", folder, "--steps", "2", "--learned", file]
    layers: list[str | Path] = ["--method", "p-plus", "--layer-prompt", "2:4=a dog, on grass"]
    made = overpaint(*make, *layers, "-o", tmp_path / "g.png")
    assert made.code == 0, made.err
    assert "Reconstruction" not in made.out
    unsaid = overpaint(*edit, "--target", "a dog", "--learned", file, "-o", tmp_path / "dog.png")
    assert "'<mine>'" in unsaid.err and "changes nothing" in unsaid.err


def test_a_word_of_another_model_is_refused_unless_forced(folder: Path, tmp_path: Path) -> None:
    picture, file = save_picture(tmp_path / "1.png"), tmp_path / "mine.safetensors"
    asked: list[str | Path] = ["learn", "p-plus", picture, "--init", "cat", "--model", folder, "-o", file]
    assert overpaint(*asked, *WORD).code == 0
    found = Concept.load(file)
    assert found.word == "<cat>"
    Concept(found.layers, "<cat>", "others", found.about).save(file)
    edit: list[str | Path] = ["edit", picture, "--source", "a cat", "--target", "a <cat>", "--model", folder]
    few: list[str | Path] = ["--steps", "2", "--learned", file, "-o", tmp_path / "out.png"]
    no = overpaint(*edit, *few)
    assert no.code == 2 and "with other weights" in no.err and "--force" in no.err
    yes = overpaint(*edit, *few, "--force")
    assert yes.code == 0, yes.err
    assert overpaint("rerun", tmp_path / "out.png", "-o", tmp_path / "again.png").code == 0
    few[-1] = tmp_path / "other.png"
    imagic = overpaint(*edit, "--method", "imagic", *few)
    assert imagic.code == 2 and "learned for p-plus, not for imagic" in imagic.err


def seeing(folder: Path, home: Path) -> Path:
    """The tiny model with a CLIP beside it."""
    shutil.copytree(folder, home)
    eye: Any = tiny_eye()
    eye.vision.save_pretrained(home / "image_encoder")
    (home / "text_projection").mkdir()
    original.save(home / "text_projection" / "model.safetensors", {"weight": draw(16, 24)})
    return home


def test_a_change_is_learned_and_used_by_degrees(folder: Path, tmp_path: Path) -> None:
    pictures = [save_picture(tmp_path / f"{k}.png", 16 * k + 16) for k in (1, 2)]
    home, file, out = seeing(folder, tmp_path / "sees"), tmp_path / "1.safetensors", tmp_path / "out.png"
    asked: list[str | Path] = ["learn", "diffusion-clip", *pictures, "--source", "a cat", "--target", "a dog"]
    few: list[str | Path] = ["--to-noise", "3", "--back", "2", "--passes", "1", "--rank", "2"]
    blind = overpaint(*asked, *few, "--model", folder)
    assert blind.code == 2 and "no image tower of CLIP" in blind.err
    said = overpaint(*asked, *few, "--model", home, "--json")
    assert said.code == 0, said.err
    assert said.figures["output"] == str(file) and said.figures["target"] == "a dog"
    assert "for diffusion-clip" in overpaint("show", file).out
    edit: list[str | Path] = ["edit", pictures[1], "--source", "a cat", "--method", "diffusion-clip"]
    walk: list[str | Path] = ["--steps", "2", "--to-noise", "3", "--learned", file, "--model", home]
    done = overpaint(*edit, *walk, "--share", "0:1:0.5", "-o", out)
    assert done.code == 0, done.err
    assert "all 3 results" in done.out
    assert overpaint("rerun", out, "-o", tmp_path / "again.png").code == 0
    both: list[str | Path] = ["--learned", f"{file},{file}", "--several", "300=1,0", "--several", "0=0.5,0.5"]
    mixed = overpaint(*edit, *walk[:4], *both, "--model", home, "-o", tmp_path / "mixed.png")
    assert mixed.code == 0, mixed.err
    wrong = overpaint(*edit, *walk, "--target", "a bird", "-o", tmp_path / "bird.png")
    assert wrong.code == 2 and "leads to 'a dog'" in wrong.err
