"""Wrong input of every kind: one sentence, exit code 2, no traceback, nothing written."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cli.kit import overpaint
from tests.corpus.kit import Case, Place, verify

from overpaint.methods.p2p import PromptToPrompt

CASES: dict[str, Case] = {
    "missing picture": (lambda p: p.of(p.tmp / "no.png"), "There is no file"),
    "a folder for a picture": (lambda p: p.of(p.tmp), "is a folder"),
    "empty file": (lambda p: p.of(p.file("e.png", b"")), "is empty"),
    "text file": (lambda p: p.of(p.file("t.png", b"hello")), "is not a picture"),
    "cut short": (lambda p: p.of(p.file("c.png", p.picture.read_bytes()[:80])), "damaged or cut short"),
    "AVIF": (lambda p: p.of(p.file("g.png", b"\0\0\0 ftypavif" + bytes(99))), "is AVIF, which is not read"),
    "empty target": (lambda p: p.edit(target=""), "give the target prompt"),
    "blank target": (lambda p: p.edit(target="  "), "give the target prompt"),
    "empty source": (lambda p: p.edit(source=""), "give the source prompt"),
    "empty prompt": (lambda p: ["generate", " ", "--model", p.model], "give the target prompt"),
    "long target": (lambda p: p.edit(target="a cat " * 20), "this model reads at most 14; shorten it"),
    "long source": (lambda p: p.edit(source="a cat " * 20), "this model reads at most 14; shorten it"),
    "long prompt": (lambda p: ["generate", "a cat " * 20, "--model", p.model], "shorten it"),
    "broken prompt": (lambda p: p.edit(target="a \udcff dog"), "bytes that are no text"),
    "unequal swap": (lambda p: p.edit("--kind", "swap", target="a dog"), "equally many words"),
    "blend word": (lambda p: p.edit("--blend", "catt=>dog"), "The word 'catt' is not in the prompt"),
    "blend without a side": (lambda p: p.edit("--blend", "=>dog"), "names no word on one side"),
    "reweight word": (lambda p: p.edit("--reweight", "dogg=2"), "did you mean 'dog'?"),
    "reweight value": (lambda p: p.edit("--reweight", "dog=much"), "'reweight' must be values by word"),
    "reweight form": (lambda p: p.edit("--reweight", "dog"), "write it as word=value"),
    "window word": (lambda p: p.edit("--word-windows", "tiger=0.5"), "The word 'tiger' is not in the prompt"),
    "out of range": (
        lambda p: p.edit("--guidance", "99"),
        "'guidance' must be a number from 0 to 30, not '99'",
    ),
    "steps of no number": (
        lambda p: p.edit("--steps", "abc"),
        "must be a whole number from 1 to 1000, not 'abc'",
    ),
    "no steps": (lambda p: p.edit("--steps", "0"), "must be a whole number from 1 to 1000, not '0'"),
    "infinite": (lambda p: p.edit("--guidance", "inf"), "'guidance' must be a number"),
    "window": (lambda p: p.edit("--cross-replace", "0.9:0.1"), "ends before it begins"),
    "choice": (lambda p: p.edit("--kind", "swp"), "must be one of auto, swap, refine, copy, not 'swp'"),
    "negative seed": (lambda p: p.edit("--seed", "-1"), "The option 'seed' must be a whole number"),
    "huge seed": (lambda p: p.edit("--seed", str(2**63)), "The option 'seed' must be a whole number"),
    "unknown option": (lambda p: p.edit("--guidence", "3"), "did you mean --guidance?"),
    "unknown method": (lambda p: p.edit("--method", "p3p"), "did you mean 'p2p'?"),
    "method without picture": (lambda p: p.edit("--method", "generate"), "edits no picture"),
    "unknown inversion": (lambda p: p.edit("--inversion", "directt"), "did you mean 'direct'?"),
    "option of a part": (lambda p: p.edit("--inversion.inner", "3"), "There is no option --inversion.inner"),
    "value of a part": (
        lambda p: p.edit("--inversion", "null-text", "--inversion.inner", "-3"),
        "'inner' must be a whole number from 0 to 1000, not '-3'",
    ),
    "unknown model": (lambda p: p.edit("--model", "stil-life"), "There is no model 'stil-life'"),
    "empty model folder": (lambda p: p.edit("--model", p.tmp), "lacks unet/config.json"),
    "model without a part": (lambda p: p.edit("--model", p.model_without("vae")), "lacks vae/config.json"),
    "model without a scheduler": (
        lambda p: p.edit("--model", p.model_without("scheduler")),
        "lacks scheduler/",
    ),
    "model without weights": (
        lambda p: p.edit("--model", p.model_without("unet/*.safetensors")),
        "has no unet/*.safetensors",
    ),
    "device": (lambda p: p.edit("--device", "gpu"), "There is no device 'gpu'"),
    "missing device": (lambda p: p.edit("--device", "cuda:77"), "There is no device 'cuda:77'"),
    "type": (lambda p: p.edit("--dtype", "int8"), "There is no type 'int8'"),
    "threads": (lambda p: p.edit("--threads", "0"), "0 is not in the range"),
    "output exists": (lambda p: p.edit("-o", p.taken("o.png")), "exists already"),
    "default output exists": (lambda p: (p.taken("cat-edited.png"), p.edit())[1], "exists already"),
    "maps exist": (lambda p: p.edit("--maps", p.taken("m.png")), "exists already"),
    "strip exists": (lambda p: p.edit("--strip", p.taken("s.png")), "exists already"),
    "preview exists": (lambda p: p.edit("--preview", p.taken("p.png")), "exists already"),
    "same names": (lambda p: p.edit("-o", p.tmp / "a.png", "--maps", p.tmp / "a.png"), "the same name"),
    "output folder missing": (lambda p: p.edit("-o", p.tmp / "no" / "a.png"), "There is no folder"),
    "output is a folder": (
        lambda p: p.edit("-o", p.tmp / "x.png", "--maps", p.tmp),
        "choose a name ending in .png",
    ),
    "output no PNG": (lambda p: p.edit("-o", p.tmp / "a.gif"), "choose a name ending in .png"),
    "invert without source": (lambda p: ["invert", p.picture, "--model", p.model], "give the source prompt"),
    "rerun without recipe": (lambda p: ["rerun", p.picture], "carries no recipe"),
    "rerun of nothing": (lambda p: ["rerun", p.tmp / "no.png"], "There is no file"),
    "cite without recipe": (lambda p: ["cite", p.picture], "carries no recipe"),
    "cite of nothing": (lambda p: ["cite", p.tmp / "no.png"], "There is no file"),
    "unknown command": (lambda p: ["edot", p.picture], "There is no command 'edot'; did you mean 'edit'?"),
    "unknown training": (
        lambda p: ["train", "still-lif"],
        "There is no command 'still-lif' of 'train'; did you mean 'still-life'?",
    ),
    "unknown stage": (
        lambda p: ["train", "still-life", "--stage", "x", "--output", p.tmp],
        "There is no stage 'x'",
    ),
    "unknown demo": (lambda p: ["demo", "--what", "colr", "-o", p.tmp / "d"], "'colr' is no edit"),
}


@pytest.mark.parametrize("name", CASES)
def test_wrong_input_is_one_sentence_and_changes_nothing(
    name: str, picture: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    verify(CASES[name], Place(tmp_path, picture, folder))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_forbidden_places(picture: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    place = Place(tmp_path, picture, folder)
    assert "may not be written to" in overpaint(*place.edit("-o", tmp_path / "locked" / "a.png")).err
    picture.chmod(0)
    assert "may not be read" in overpaint(*place.edit()).err


def test_a_read_only_folder(picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access

    def access(path: str, mode: int) -> bool:
        return not mode & os.W_OK and real(path, mode)

    monkeypatch.setattr(os, "access", access)
    said = overpaint(*Place(picture.parent, picture, folder).edit())
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "may not be written to" in said.err


def test_a_family_the_method_does_not_know(
    picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PromptToPrompt, "card", replace(PromptToPrompt.card, families={"sdxl": {}}))
    said = overpaint(*Place(picture.parent, picture, folder).edit())
    assert (said.code, said.out) == (2, "")
    wrong = "The method 'p2p' does not work on sd1 models; it works on: sdxl"
    assert said.err == f"{wrong}; 'style-diffusion' works on sd1.\n"
