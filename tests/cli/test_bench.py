import json
import re
import webbrowser
from pathlib import Path
from typing import Any

import pytest
from tests.bench.pie.kit import save_yardsticks
from tests.cli.kit import overpaint

from overpaint.bench.figures import OFFICIAL
from overpaint.bench.pie.lpips import FILE as FILE_OF_LPIPS
from overpaint.bench.results import FILE
from overpaint.cli import benching, pacing
from overpaint.images import load_picture

STILL_LIFE = ("bench", "still-life")


def test_a_slice_runs_and_a_second_run_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    slice_ = (*STILL_LIFE, "--methods", "p2p,sdedit", "--steps", "2", "--limit", "3", "--out", folder)
    said = overpaint(*slice_)
    assert said.code == 0, said.err
    assert "6 edits: at most 36 rows through the network, about" in said.err
    assert "| truth | 3 | 1.00 (1.00 to 1.00) |" in said.out and "| p2p steps=2 | 3 |" in said.out
    lines = (folder / FILE).read_text().splitlines()
    assert len(lines) == 3 * (3 + 2)
    seen = [line for line in map(json.loads, lines) if not line["reference"]]
    assert all("early_focus" in line["signals"] for line in seen)
    assert {line["method"] for line in seen if line["signals"].get("strayed", 0) > 0} == {"p2p"}
    assert {(line["method"], line["walked"]) for line in seen} == {("p2p", 2), ("sdedit", 1)}
    assert load_picture(folder / "sheet.png").size[1] > 300
    again = overpaint(*slice_)
    assert "6 edits, 6 of which are done: at most 0 rows" in again.err
    assert again.out == said.out and (folder / FILE).read_text().splitlines() == lines
    table = overpaint("bench", "table", folder)
    assert table.code == 0 and table.out == said.out
    programs = overpaint("bench", "table", folder, "--csv")
    assert programs.out.startswith("title,row,method,inversion")
    assert re.search(r"^sdedit steps=2,\w{16},sdedit,,", programs.out, re.MULTILINE)


def test_a_failure_is_said_and_ends_with_one(tmp_path: Path) -> None:
    said = overpaint(
        *STILL_LIFE, "--steps", "1", "--limit", "2", "--set", "blend=cone", "--no-pictures", "--out", tmp_path
    )
    assert said.code == 1
    lines = [json.loads(text) for text in (tmp_path / FILE).read_text().splitlines()]
    assert ["error" in line for line in lines if line["method"] == "p2p"] == [True, False]
    assert said.err.count("random-00, p2p blend=cone steps=1: The word 'cone' is not in the prompt") == 1
    assert "Failed:" in said.out and not (tmp_path / "sheet.png").exists()


def test_results_of_another_version_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = {"format": 1, "case": "random-00", "type": "random", "method": "sdedit", "inversion": ""}
    line |= {
        "said": {},
        "options": {},
        "gifts": [],
        "reference": False,
        "code": "x",
        "model": "y",
        "figures": {},
    }
    (tmp_path / FILE).write_text(json.dumps(line) + "\nrubbish\n")

    def nothing(*_: object) -> None:
        """In place of the work."""

    monkeypatch.setattr(benching, "run", nothing)
    said = overpaint(*STILL_LIFE, "--methods", "sdedit", "--limit", "1", "--no-pictures", "--out", tmp_path)
    assert "The folder also holds 1 results of these methods with other options, another model or" in said.err
    assert "1 lines of" in said.err and "cannot be read" in said.err


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (("--methods", "p2q"), "There is no method 'p2q'; did you mean 'p2p'?"),
        (("--inversions", "dirct"), "There is no inversion 'dirct'; did you mean 'direct'?"),
        (("--types", "color"), "There is no edit type 'color'; did you mean 'colour'?"),
        (("--limit", "0"), "0 is not in the range x>=1"),
        (("--seeds", "frsh:1"), "neither fixed nor fresh ones"),
        (("--set", "guidance"), "sets no option; write --set KEY=VALUE"),
        (
            ("--set", "guidnce=1"),
            "There is no option 'guidnce' for the chosen methods; did you mean",
        ),
        (("--give", "regoin"), "cannot be given 'regoin'"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(
    tmp_path: Path, args: tuple[str, ...], sentence: str
) -> None:
    said = overpaint(*STILL_LIFE, *args, "--out", tmp_path / "out")
    assert said.code == 2 and sentence in said.err and said.err.count("\n") <= 3
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = overpaint(*STILL_LIFE, "--limit", "1", "--out", tmp_path / "file" / "out")
    assert said.code == 2 and "cannot be written to" in said.err
    said = overpaint("bench", "table", tmp_path / "nowhere")
    assert said.code == 2 and "There are no results in" in said.err


def test_costs_are_a_table() -> None:
    said = overpaint("bench", "cost", "--methods", "sdedit,p2p", "--steps", "2")
    assert said.code == 0, said.err
    head, _, *lines = said.out.splitlines()
    assert head.startswith("| method | rows, published | rows, same options | rows here |")
    assert [line.split(" | ")[:3] for line in lines] == [
        ["| sdedit steps=2", "", "60"],
        ["| p2p steps=2", "450", "200"],
    ]
    assert "did you mean 'p2p'" in overpaint("bench", "cost", "--methods", "p2pp").err


def test_what_goes_by_concepts_is_costed_with_some() -> None:
    """Two concepts are a row each, beside the two of the picture's own prompt."""
    few = ("--steps", "2", "--set", "warmup=0")
    said = overpaint("bench", "cost", "--methods", "sega", *few, "--give", "concepts")
    assert said.code == 0, said.err
    (line,) = said.out.splitlines()[2:]
    title, _, usual, rows, *_ = line.strip("| ").split(" | ")
    assert (title, usual, rows) == ("sega ddim warmup=0 steps=2 given concepts", "250", "10")
    assert "give it --give concepts" in overpaint("bench", "cost", "--methods", "sega").err


def test_a_data_set_of_the_layout_of_pie_bench_runs_the_whole_chain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, out, weights = tmp_path / "data", tmp_path / "out", save_yardsticks(tmp_path / "weights")
    made = overpaint("bench", "make-pie", data, "--each", "1")
    assert made.code == 0 and "overpaint bench pie" in made.out
    assert overpaint("bench", "make-pie", data).code == 2
    told = json.loads((data / "mapping_file.json").read_text())
    assert len(told) == 10 and told["000000000006"]["editing_type_id"] == "6"
    (data / "annotation_images" / told["000000000001"]["image_path"]).unlink()
    (data / "annotation_images" / told["000000000002"]["image_path"]).write_bytes(b"rubbish")
    (data / "mapping_file.json").write_text(json.dumps(told))
    command = ("bench", "pie", data, "--methods", "sdedit", "--steps", "2", "--limit", "3", "--out", out)
    (weights / FILE_OF_LPIPS).rename(tmp_path / FILE_OF_LPIPS)
    monkeypatch.setattr(pacing, "EVERY", 0.0)
    said = overpaint(*command, "--yardsticks", weights)
    assert said.code == 1, said.err
    assert "000000000001: There is no picture" in said.err and "LPIPS is missing" in said.err
    assert len(re.findall("^000000000002: ", said.err, re.MULTILINE)) == 1
    assert "000000000002, " not in said.err and said.out.count("- 000000000002: ") == 1
    assert re.search(r"1 of 3 cases, [0-9.]+ s a case, about .* left", said.err)
    wrong = overpaint(*command, "--types", "colours")
    assert wrong.code == 2 and "is of the type 'colours'; did you mean 'colour'?" in wrong.err
    assert "| sdedit steps=2 drawn | 3 | " in said.out and "PSNR out, pasted" in said.out
    assert "success" not in said.out.partition("Failed:")[0]
    assert "| p2p direct | SD 1.4, 50 steps | 11.65 | 27.22 | 54.55 |" in said.out
    assert "Ours beside" not in said.out
    good, bad, _ = lines_of(out, "sdedit")
    assert good["type"] == "random" and "error" in bad
    assert good["figures"].keys() >= {*OFFICIAL} - {"pie_lpips"} and good["figures"]["pie_psnr"] > 10
    (own,) = re.findall(r"^\| sdedit steps=2 drawn .*$", said.out, re.MULTILINE)
    assert "LPIPS out x1000 |" in said.out and own.count("| – |") == 1
    (tmp_path / FILE_OF_LPIPS).rename(weights / FILE_OF_LPIPS)
    opened = list[str]()
    monkeypatch.setattr(webbrowser, "open", opened.append)
    again = overpaint(*command, "--yardsticks", weights, "--open")
    assert "4 results are measured again, by networks that have not" in again.err
    assert "3 edits, 3 of which are done" in again.err and "LPIPS is missing" not in again.err
    (own,) = re.findall(r"^\| sdedit steps=2 drawn .*$", again.out, re.MULTILINE)
    assert "–" not in own
    known = lines_of(out, "sdedit")[0]
    assert known["figures"].items() >= good["figures"].items() and known["figures"]["pie_lpips"] > 0
    assert opened == [(out / "sheet.png").resolve().as_uri()]


def lines_of(folder: Path, method: str) -> list[dict[str, Any]]:
    """The last line of each case by a method."""
    lines = [json.loads(text) for text in (folder / FILE).read_text().splitlines()]
    return list({line["case"]: line for line in lines if line["method"] == method}.values())


def test_a_sheet_that_is_not_drawn_is_not_opened(tmp_path: Path) -> None:
    said = overpaint(*STILL_LIFE, "--no-pictures", "--open", "--out", tmp_path / "out")
    assert said.code == 2 and "Without pictures there is no sheet to open" in said.err
    assert not (tmp_path / "out").exists()
