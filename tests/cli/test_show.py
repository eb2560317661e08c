import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.kit import overpaint

from overpaint.cli.facts import choices, hindrances
from overpaint.cli.show import marked, value
from overpaint.images import Picture
from overpaint.images.recipe import (
    ControlRecord,
    Environment,
    ModelRecord,
    Recipe,
    SourceRecord,
    save_with_recipe,
)
from overpaint.methods.p2p import PromptToPrompt
from overpaint.run.wording import word_changes

PIXELS = Picture(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))


def recipe(**more: Any) -> Recipe:
    options = PromptToPrompt.model_validate(
        {"steps": 7, "cross_replace": (0.2, 0.6), "inversion": {"name": "null-text", "inner": 3}}
    )
    given: dict[str, Any] = {
        "method": "p2p",
        "options": options.model_dump(mode="json"),
        "request": {
            "source": "a red cat, asleep",
            "target": "a red dog, asleep outside",
            "seed": 7,
        },
        "model": ModelRecord(name="still-life", hash="abcdef0123456789", family="sd1"),
        "environment": Environment.now(),
        "pictures": {"source": (SourceRecord.of(PIXELS),)},
    }
    return Recipe(**given | more)


@pytest.fixture(params=[".png", ".jpg", ".webp"])
def written(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return save_with_recipe(PIXELS, tmp_path / f"out{request.param}", recipe())


def test_a_recipe_is_told_as_people_want_it(written: Path) -> None:
    said = overpaint("show", written)
    assert (said.code, said.err) == (0, "")
    told = " ".join(said.out.split())
    assert "edit by p2p: " in told
    assert "words a red [-cat-] {+dog+}, asleep {+outside+}" in told
    assert "options steps = 7 (usually 50)" in told
    assert "inversion = null-text (usually direct) inversion.inner = 3 (usually 10)" in told
    assert "cross_replace = 0.2:0.6 (usually 0.8)" in told
    assert told.index("steps = 7") < told.index("usual guidance = 7.5, inversion.lr = 0.01")
    assert "model still-life, sd1, weights abcdef012345" in told
    assert "seed 7" in told and "60 x 40 pixels" in told
    assert ("exactly as it was made" in told) == (written.suffix == ".png")
    assert "overpaint rerun makes the same pixels" in told


def test_the_same_for_programs(written: Path) -> None:
    figures = overpaint("show", written, "--json").figures
    assert figures["words"][1:3] == [["removed", "cat"], ["added", "dog"]]
    assert figures["changed"]["steps"] == {"value": 7, "default": 50, "from": None}
    assert figures["files"] == {"source": [{"inside": True, "path": None}]}
    assert figures["hindrances"] == []
    assert "png" not in json.dumps(figures["files"])


def test_it_needs_no_network_library(written: Path) -> None:
    code = "import sys\nfrom overpaint.cli.app import app\ntry:\n    app(sys.argv[1:])\n"
    code += "except SystemExit as end:\n    assert not end.code\n"
    code += "assert not {'torch', 'diffusers', 'transformers'} & set(sys.modules)"
    for more in ([], ["--json"]):
        done = subprocess.run(
            [sys.executable, "-c", code, "show", str(written), *more], capture_output=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("source", "target", "changes"),
    [
        ("a cat", "a cat", [("same", "a cat")]),
        ("a cat", "two dogs", [("removed", "a cat"), ("added", "two dogs")]),
        ("a cat's toy", "a cat's new toy", [("same", "a cat's"), ("added", "new"), ("same", "toy")]),
        ("猫 dog", "dog", [("removed", "猫"), ("same", "dog")]),
        ("a dog.", "a dog!", [("same", "a dog"), ("removed", "."), ("added", "!")]),
    ],
)
def test_words_between_two_prompts(source: str, target: str, changes: list[tuple[str, str]]) -> None:
    assert word_changes(source, target) == changes


def test_changes_are_coloured_for_people_and_marked_for_others() -> None:
    assert [marked(change, "x", False) for change in ("same", "removed", "added")] == ["x", "[-x-]", "{+x+}"]
    assert marked("removed", "x", True).startswith("\x1b[31m") and marked("added", "x", True).startswith(
        "\x1b[32m"
    )
    assert marked("same", "x", True) == "x"


def test_what_stands_in_the_way_is_said() -> None:
    old = Environment(versions={**recipe().environment.versions, "torch": "1.0"}, device="cuda")
    gone = ModelRecord(name="/no/such/model")
    lost = SourceRecord(pixels="0", path="/no/such.png")
    found = list(hindrances(recipe(environment=old, model=gone, pictures={"source": (lost,)}, method="p9p")))
    for sentence, words in zip(
        found, ("method 'p9p'", "/no/such.png", "/no/such/model", "torch 1.0", "cuda"), strict=True
    ):
        assert words in sentence and sentence.endswith(".")
    assert list(hindrances(recipe())) == []
    beside = (ControlRecord(options={"net": "canny"}), ControlRecord(options={"net": "/no/such/net"}))
    assert list(hindrances(recipe(controls=beside))) == ["The side network /no/such/net is not here."]
    nul = SourceRecord(pixels="0", path="a\0b")
    assert len(list(hindrances(recipe(pictures={"source": (nul,)})))) == 1


def test_a_method_nobody_knows_here_shows_all_its_options(tmp_path: Path) -> None:
    strange = recipe(method="p9p", options={"strength": 0.5, "part": {"name": "x", "depth": 2}})
    assert choices(strange).unknown == {"strength": 0.5, "part": "x", "part.depth": 2}
    said = overpaint("show", save_with_recipe(PIXELS, tmp_path / "a.png", strange))
    assert said.code == 0
    assert "strength = 0.5, part = x, part.depth = 2" in said.out
    assert "not here    This overpaint has no method 'p9p'." in said.out


def test_a_generated_picture_shows_its_prompt(tmp_path: Path) -> None:
    made = recipe(
        command="generate", method="generate", options={}, pictures={}, request={"target": "a \x1b[31m cat"}
    )
    said = overpaint("show", save_with_recipe(PIXELS, tmp_path / "a.png", made))
    assert "prompt      a \\x1b[31m cat" in said.out and "\x1b" not in said.out


def test_a_picture_without_a_recipe_is_one_sentence(picture: Path) -> None:
    said = overpaint("show", picture)
    assert (said.code, said.out) == (2, "")
    assert "carries no recipe" in said.err and said.err.count("\n") == 1
    assert "--max-pixels" in overpaint("show", picture, "--max-pixels", "1K").err


def test_values_as_one_would_write_them() -> None:
    written = [value(one) for one in (None, {}, True, 0.25, [0.2, 0.6], "direct", 3, {"dog": 2.0})]
    assert written == ["none", "none", "yes", "0.25", "0.2:0.6", "direct", "3", '{"dog": 2.0}']
