import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests import original
from tests.cli.kit import SOURCE, TARGET, overpaint
from tests.kit import draw, shared
from tests.sides import kit as sides

from overpaint.cli import comparing
from overpaint.comparing import run as running
from overpaint.comparing.run import Comparing
from overpaint.comparing.trying import Try
from overpaint.images import load_picture
from overpaint.meter import Meter
from overpaint.run.plan import Job
from overpaint.run.result import Edit
from overpaint.sides.tiny import tiny_controlnet


def command(
    picture: Path, folder: Path, *more: str | Path, methods: str = "sdedit,ddim"
) -> tuple[str | Path, ...]:
    own = ("--source", SOURCE, "--target", TARGET, "--model", folder, "--set", "steps=2", "--no-check")
    return ("compare", picture, *own, "--methods", methods, *more)


def test_it_says_what_there_is_to_do_does_it_and_goes_on(picture: Path, folder: Path) -> None:
    said = overpaint(*command(picture, folder, methods="sdedit,ddim,sega"))
    assert said.code == 0, said.err
    assert "ddim steps=2: 6 rows, about" in said.err and "sega steps=2: There is no concept" in said.err
    assert "2 edits: at most 8 rows through the network, about" in said.err
    place = picture.with_name("cat-compare")
    assert f"Wrote {place}/report.html and {place}/sheet.png" in said.out
    again = overpaint(*command(picture, folder, "--json"))
    assert "0 edits (2 more are done): at most 0 rows" in again.err and again.code == 0
    cells = again.figures["cells"]
    assert {cell["method"] for cell in cells} == {"sdedit", "ddim"} and cells[0]["figures"]["rows"] > 0
    assert cells[0]["command"].startswith(f"overpaint edit {picture}")
    assert len((place / "results.jsonl").read_text().splitlines()) == 2


def test_a_grid_and_a_budget(picture: Path, folder: Path, tmp_path: Path) -> None:
    grid = ("--grid", "inversion=ddim,direct", "--grid", "guidance=2,3", "-o", tmp_path / "out")
    said = overpaint(*command(picture, folder, *grid, "--budget", "5min", methods="ddim"))
    assert said.code == 0 and "4 edits: at most" in said.err and "nothing is begun after 5.0 min" in said.err
    lines = [json.loads(text) for text in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]
    assert [(one["said"]["inversion"], one["said"]["guidance"]) for one in lines] == [
        ("ddim", "2"),
        ("ddim", "3"),
        ("direct", "2"),
        ("direct", "3"),
    ]
    large = overpaint(*command(picture, folder, "--grid", "seed=1", methods="ddim"))
    assert large.code == 2 and "There is no option 'seed'" in large.err
    many = ",".join(map(str, range(1, 202)))
    large = overpaint(*command(picture, folder, "--grid", f"steps={many}", methods="sdedit"))
    assert large.code == 2 and "These are 201 edits, more than 200; say --yes" in large.err


def test_a_dry_run_writes_nothing(picture: Path, folder: Path) -> None:
    said = overpaint(*command(picture, folder, "--dry-run"))
    assert said.code == 0 and "2 edits: at most 8 rows" in said.out and not said.err
    told = overpaint(*command(picture, folder, "--dry-run", "--json", methods="sdedit,ddim,sega")).figures
    assert told["rows"] == 8 and [one["method"] for one in told["edits"]] == ["sdedit", "ddim", "sega"]
    assert told["edits"][0]["seconds"] > 0 and "There is no concept" in told["edits"][2]["error"]
    assert not picture.with_name("cat-compare").exists()


def test_a_dry_run_knows_what_is_done(picture: Path, folder: Path) -> None:
    assert overpaint(*command(picture, folder, methods="sdedit")).code == 0
    place = picture.with_name("cat-compare")
    before = {one: one.stat().st_mtime_ns for one in place.rglob("*")}
    said = overpaint(*command(picture, folder, "--dry-run"))
    assert "sdedit steps=2: 2 rows, about" in said.out and "1 edits (1 more are done)" in said.out
    told = overpaint(*command(picture, folder, "--dry-run", "--json")).figures
    assert [one["done"] for one in told["edits"]] == [True, False] and told["rows"] == 6
    assert {one: one.stat().st_mtime_ns for one in place.rglob("*")} == before


def test_what_is_asked_beside_the_edits_is_said(picture: Path, folder: Path) -> None:
    words = [one for one in command(picture, folder, "--dry-run", methods="sdedit") if one != "--no-check"]
    said = overpaint(*words).out
    assert re.search(r"at most \d+ rows to look at the edits and 2 rows to ask 1 of them for nothing", said)
    assert overpaint(*words, "--json").figures["beside"]["rows"] > 2


def test_many_edits_are_planned_in_one_look(
    picture: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, real = list[Path](), running.whole

    def looked(own: Comparing, one: Try) -> bool:
        looks.append(own.place(one))
        return real(own, one)

    monkeypatch.setattr(running, "whole", looked)
    steps = ",".join(map(str, range(2, 14)))
    (*words,) = command(picture, folder, "--dry-run", "--grid", f"steps={steps}", methods="sdedit")
    assert overpaint(*words).code == 0 and len(looks) == len(set(looks)) == 12


def test_memory_is_kept_within(picture: Path, folder: Path) -> None:
    little = overpaint(*command(picture, folder, "--memory", "10KB"))
    assert little.code == 2 and "of memory even row by row, more than 0.1 MB" in little.err
    said = overpaint(*command(picture, folder, "--memory", "4GB", "--json"))
    assert said.code == 0 and all("--memory 4GB" in one["command"] for one in said.figures["cells"])


@pytest.fixture(scope="module")
def gifts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What can be given beside a picture, by what stands for it below."""
    place = tmp_path_factory.mktemp("gifts")
    query = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    halves = {f"{query}.lora_B.weight": draw(8, 2), f"{query}.lora_A.weight": draw(2, 8, seed=2)}
    white = np.zeros((32, 32), np.uint8)
    white[6:20, 4:26] = 255
    Image.fromarray(white).save(place / "a mask.png")
    return {
        "NET": sides.folder(place / "canny", tiny_controlnet(shared())),
        "MASK": place / "a mask.png",
        "LORA": original.save(place / "l.safetensors", halves),
        "WORD": original.save(place / "w.safetensors", {"emb_params": draw(2, 24)}),
    }


@pytest.mark.parametrize(
    "more",
    [
        ("--control", "NET:0.8@0-0.9"),
        ("--mask-box", "6,4,14,20", "--grow", "4", "--context", "3", "--feather", "2"),
        ("--mask", "MASK", "--seed", "3", "--set", "inversion=null-text", "--set", "inversion.inner=1"),
        ("--lora", "LORA:0.5", "--embedding", "WORD:dog", "--device", "cpu", "--dtype", "bfloat16"),
        ("--learned", "WORD:dog", "--fit", "crop"),
    ],
    ids=lambda more: more[0],
)
def test_its_command_makes_the_same_pixels(
    picture: Path, folder: Path, tmp_path: Path, gifts: dict[str, Path], more: tuple[str, ...]
) -> None:
    given = [re.sub("^[A-Z]+", lambda found: str(gifts[found[0]]), one) for one in more]
    out = tmp_path / "out"
    said = overpaint(*command(picture, folder, *given, "--json", "-o", out, methods="p2p"))
    assert said.code == 0, said.err
    (cell,) = said.figures["cells"]
    (made,) = (one for one in (out / "pictures").glob("*/*.png") if ".mask" not in one.name)
    words = shlex.split(cell["command"])
    again = overpaint(*words[1:], "-o", tmp_path / "again.png")
    assert words[0] == "overpaint" and again.code == 0, again.err
    assert (load_picture(tmp_path / "again.png").rgb == load_picture(made).rgb).all()


def test_ctrl_c_keeps_what_is_finished(
    picture: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = comparing.run

    def stopped(own: Comparing, note: object) -> None:
        real(own, lambda one, line: own.meter.cancel())

    monkeypatch.setattr(comparing, "run", stopped)
    said = overpaint(*command(picture, folder, "-o", tmp_path / "out"))
    assert said.code == 130 and "Stopped; the same command goes on" in said.err
    assert "ddim steps=2: Not begun: the comparison was stopped." in said.out
    assert (tmp_path / "out" / "report.html").exists()
    monkeypatch.undo()
    again = overpaint(*command(picture, folder, "-o", tmp_path / "out"))
    assert again.code == 0 and "1 edits (1 more are done)" in again.err


def test_what_ends_it_in_the_middle_leaves_the_report_of_what_is_done(
    picture: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, jobs = running.run_patiently, list[Job]()

    def ended(job: Job, meter: Meter) -> Edit:
        jobs.append(job)
        if len(jobs) == 2:
            raise SystemExit(9)
        return real(job, meter)

    monkeypatch.setattr(running, "run_patiently", ended)
    assert overpaint(*command(picture, folder, "-o", tmp_path / "out")).code == 9
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"overpaint edit {picture}" in page and "1 edits are not done yet" in page
    assert (tmp_path / "out" / "sheet.png").exists()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--grid", "steps"), "is no line of a grid; write --grid KEY=A,B"),
        (("--grid", "guidnce=1,2"), "did you mean 'guidance'?"),
        (("--budget", "soon"), "'soon' is no time; write it as 60s"),
        (("--methods", "p2q"), "There is no method 'p2q'; did you mean 'p2p'?"),
        (("--words", "cow"), "The word 'cow' is not in the target prompt"),
        (("--target", ""), "What the picture should show is not said"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    picture: Path, folder: Path, more: tuple[str, ...], sentence: str
) -> None:
    said = overpaint(*command(picture, folder, *more))
    assert said.code == 2 and sentence in said.err and said.err.count("\n") <= 2
    assert not picture.with_name("cat-compare").exists()


def test_a_picture_that_is_not_there(tmp_path: Path, folder: Path) -> None:
    said = overpaint(*command(tmp_path / "none.png", folder))
    assert said.code == 2 and "none.png" in said.err
