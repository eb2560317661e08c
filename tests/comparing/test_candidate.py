import shlex
from pathlib import Path
from typing import Any

import pytest
from tests.comparing.kit import asked, small
from tests.kit import shared
from tests.sides import kit as sides

import overpaint
from overpaint.comparing.candidate import on, options
from overpaint.families.load import usual_device, usual_dtype
from overpaint.images import Picture, save_picture
from overpaint.images.recipe import Environment
from overpaint.inversions.null_text import NullText
from overpaint.sides.options import Control
from overpaint.sides.tiny import tiny_controlnet


def words_of(image: Any, **more: Any) -> list[str]:
    (one,) = overpaint.compare(image, **asked(methods="sdedit", **more)).cells
    return shlex.split(one.command)


def behind(words: list[str], flag: str) -> str:
    return words[words.index(flag) + 1]


def test_files_are_named_and_what_lies_in_memory_has_a_name_in_capitals(tmp_path: Path) -> None:
    white, net = Picture(small().rgb * 0 + 255), sides.folder(tmp_path / "canny", tiny_controlnet(shared()))
    for name in ("mask", "below", "edges"):
        save_picture(white, tmp_path / f"{name}.png")
    below, edges = tmp_path / "below.png", tmp_path / "edges.png"
    files = words_of(
        small(), mask=tmp_path / "mask.png", onto=below, control=[f"{net}={edges}:0.5", str(net)], seed=2
    )
    assert files[2] == "PICTURE" and behind(files, "--mask") == str(tmp_path / "mask.png")
    assert behind(files, "--onto") == str(below) and behind(files, "--seed") == "2"
    assert f"{net}={edges}:0.5" in files and f"{net}=canny:1" in files
    memory = words_of(small(), mask=white, onto=white, control=[(Control(str(net)), white)])
    assert behind(memory, "--mask") == "MASK" and behind(memory, "--onto") == "ONTO"
    assert behind(memory, "--control") == f"{net}=CONDITION:1"


INNER = ["--inversion", "null-text", "--inversion.inner", "2"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"inversion": NullText(inner=2)}, INNER),
        (
            {"inversion": {"name": "null-text", "inner": 2}},
            ["--inversion", "null-text", "--inversion.inner", "2"],
        ),
        (
            {"inversion": "null-text", "inversion.inner": 2},
            ["--inversion", "null-text", "--inversion.inner", "2"],
        ),
        ({"blend": ["cat=>dog", "a=>b"]}, ["--blend", "cat=>dog, a=>b"]),
        ({"cross_replace": 0.5}, ["--cross-replace", "0.5"]),
    ],
)
def test_options_are_said_as_the_command_line_takes_them(said: dict[str, Any], words: list[str]) -> None:
    assert list(options("p2p", said)) == words


def test_where_a_model_ran_is_said_where_it_would_run_otherwise() -> None:
    usual = Environment(device=usual_device(), dtype=str(usual_dtype(usual_device())).removeprefix("torch."))
    assert list(on(usual)) == []
    assert (
        list(on(Environment(device="cuda:1", dtype="float32"))) == "--device cuda:1 --dtype float32".split()
    )
    assert list(on(usual.model_copy(update={"offload": True}))) == ["--offload"]
