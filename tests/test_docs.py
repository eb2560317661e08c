"""What the documentation shows runs as it stands, and what it lists is all there is."""

import csv
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from overpaint import registry, unload
from overpaint.api import edit
from overpaint.card import Card
from overpaint.contract import CHECKS
from overpaint.errors import UsageError
from tests.cli.kit import SOURCE, TARGET, overpaint, save_picture
from tests.kit import shared

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "overpaint"


def blocks(page: str, kind: str) -> list[str]:
    """The fenced pieces of a page."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def commands(page: str) -> Iterator[list[str]]:
    """The calls of overpaint in a page, as a shell would take them apart."""
    for block in blocks(page, "bash"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0].endswith("overpaint"):
                yield words[1:]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    unload()


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_what_is_shown_in_python_runs(page: str, here: Path) -> None:
    names: dict[str, Any] = {"__name__": "snippets"}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page}, block {number + 1}", "exec"), names)
    assert (here / "blue.png").exists()


def test_the_first_commands_of_the_readme_run_in_their_order(here: Path) -> None:
    apart = {"doctor", "serve"}  # one looks at this machine, the other stays until it is stopped
    said = {words[0]: overpaint(*words) for words in commands("README.md") if words[0] not in apart}
    assert [one.err for one in said.values() if one.code] == []
    assert "edit by p2p" in " ".join(said["show"].out.split()) and "[-red-] {+blue+}" in said["show"].out
    assert "(the picture's own; usually direct)" in said["show"].out
    assert not [words for words in commands("README.md") if "MODEL" in words]


def test_the_readme_names_every_method_before_anything_is_asked_of_the_reader() -> None:
    first = (ROOT / "README.md").read_text().partition("```")[0]
    assert [name for name in registry.METHODS if f"`{name}`" not in first] == []


def shown(page: Path) -> Iterator[list[str]]:
    """The calls in every fenced piece of a page, also where variables are set before them."""
    for kind in ("bash", "text"):
        for block in blocks(str(page.relative_to(ROOT)), kind):
            for line in re.findall(
                r"^(?:\w+=\S+ )*(?:\.venv/bin/)?overpaint (.*)$", block.replace("\\\n", " "), re.M
            ):
                yield shlex.split(line, comments=True)


def test_commands_and_options_that_pages_show_are_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    asked = {" ".join(words): words for page in pages for words in shown(page)}
    assert len(asked) > 80
    wrong = {line: said.err for line, words in asked.items() if (said := overpaint(*words, "--help")).code}
    assert not wrong


READ = re.compile(r"""(?:environ(?:\.get|\.pop|\.setdefault)?[\[(]|getenv\()\s*["'](\w+)""")


def test_every_environment_variable_is_documented_and_every_one_documented_is_read() -> None:
    read = {name for file in PACKAGE.rglob("*.py") for name in READ.findall(file.read_text())}
    rows = re.findall(r"^\| (`[^|]+`) \|", (ROOT / "docs/environment.md").read_text(), re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert read == told
    assert {"OVERPAINT_CACHE", "OVERPAINT_DEBUG", "OVERPAINT_MODELS"} <= read
    spoken = {
        name for file in PACKAGE.rglob("*.py") for name in re.findall(r"OVERPAINT_[A-Z]+", file.read_text())
    }
    assert spoken <= told


@pytest.fixture
def restyle(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example of docs/add-a-method.md as a module."""
    text = next(block for block in blocks("docs/add-a-method.md", "python") if "class Restyle" in block)
    module = ModuleType("restyle_of_the_docs")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(text, "docs/add-a-method.md", "exec"), vars(module))
    return module


@pytest.mark.parametrize("name", CHECKS)
def test_the_example_of_a_method_keeps_the_contract(name: str, restyle: Any) -> None:
    CHECKS[name](restyle.Restyle, "sd1")


def test_the_example_shows_the_whole_card_and_the_table_explains_it(restyle: Any) -> None:
    page = (ROOT / "docs/add-a-method.md").read_text()
    card = page.partition("CARD = Card(")[2].partition("\n)\n")[0]
    assert re.findall(r"^    (\w+)=", card, re.MULTILINE) == [
        *("name", "idea", "papers", "needs", "optional", "families", "cost", "law"),
        *("finds_mask", "random", "published", "official", "trial"),
    ]
    explained = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    assert explained == {field.name for field in fields(Card)}


def test_the_example_edits_and_refuses_what_does_nothing(restyle: Any, tmp_path: Path) -> None:
    picture = save_picture(tmp_path / "photo.png")
    asked: dict[str, Any] = {"source": SOURCE, "target": TARGET, "model": shared()}
    made = edit(picture, method=restyle.Restyle(steps=4, keep=1), **asked)
    assert (made.figures.rows, made.recipe.method) == (6, "restyle")
    with pytest.raises(UsageError, match="a smaller keep, or more steps"):
        edit(picture, method=restyle.Restyle(steps=4, keep=4), **asked)


def test_the_readme_says_what_was_measured() -> None:
    measured = csv.DictReader((ROOT / "docs" / "bench" / "table.csv").read_text().splitlines())
    whole = {(line["title"], line["figure"]): line for line in measured if line["type"] == "all"}
    told = re.findall(
        r"^\| (.+) \| ([\d.]+ \([\d.]+ to [\d.]+\)) \| ([\d.]+) \|$", (ROOT / "README.md").read_text(), re.M
    )
    assert len(told) > 5
    for title, success, outside in told:
        share = {name: float(whole[title, "success"][name]) for name in ("mean", "low", "high")}
        assert success == "{mean:.2f} ({low:.2f} to {high:.2f})".format(**share)
        assert outside == f"{float(whole[title, 'psnr_outside']['mean']):.1f}"


def test_no_page_waits_for_its_figures() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    left = {
        page.name: found for page in pages if (found := re.findall(r"^[A-Z]{4,}$", page.read_text(), re.M))
    }
    assert not left
