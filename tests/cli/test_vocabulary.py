import json
from pathlib import Path
from typing import Any

from tests.cli.kit import overpaint

from overpaint.stilllife.words import CAPTIONED, MEANINGS

DOCS = Path(__file__).parents[2] / "docs" / "still-life.md"


def test_the_words_are_listed_by_what_they_speak_of() -> None:
    found = overpaint("words", "--json").figures
    words = [word for several in found.values() for word in several]
    assert sorted(words) == sorted(word for word in CAPTIONED if word.isalpha())
    assert all(
        MEANINGS[word].attribute == kind for kind in found if kind != "joining" for word in found[kind]
    )
    shown = overpaint("words").out.splitlines()
    assert [line.split()[0] for line in shown] == list(found)
    assert "cyan, turquoise" in shown[0]


def test_the_documentation_lists_the_same() -> None:
    found = overpaint("words", "--json").figures
    text = DOCS.read_text(encoding="utf-8")
    assert [
        line for line in text.splitlines() if line.startswith(tuple(f"| {kind} | " for kind in found))
    ] == [f"| {kind} | {', '.join(words)} |" for kind, words in found.items()]
    assert f"reads {sum(map(len, found.values()))} words" in text


def saying(tmp_path: Path, said: dict[str, Any]) -> Path:
    """A model folder that says this of itself."""
    (tmp_path / "overpaint.json").write_text(json.dumps(said))
    return tmp_path


def test_a_model_that_names_no_words_reads_all(folder: Path, tmp_path: Path) -> None:
    for place in (folder, saying(tmp_path, {"guidance": 5})):
        done = overpaint("words", "--model", place)
        assert done.code == 2
        assert "names no words that it was taught; it reads all" in done.err


def test_a_model_folder_may_name_its_own(tmp_path: Path) -> None:
    place = saying(tmp_path, {"vocabulary": ["cat", "dog"], "words": {"cat": "kind"}})
    assert overpaint("words", "--model", place).out == "kind     cat\njoining  dog\n"
    assert overpaint("words", "--model", tmp_path / "none").code == 2
