from pathlib import Path

import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint

from overpaint.cli.generate import name_of
from overpaint.images import load_picture
from overpaint.recipe import read_recipe


def test_a_generated_picture_is_edited_without_inversion(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = overpaint("generate", SOURCE, "--model", folder, "--steps", "2", "--seed", "7")
    assert said.code == 0
    out = tmp_path / "a-photo-of-a-cat-7.png"
    assert load_picture(out).size == (32, 32)
    request = read_recipe(out).request
    assert (request["source"], request["target"], request["seed"]) == ("", SOURCE, 7)
    figures = overpaint("edit", out, "--target", TARGET, "--model", folder, "--json").figures
    assert figures["options"]["inversion"]["name"] == "recorded"
    assert figures["options"]["inversion"]["seed"] == 7
    assert figures["figures"]["rows"] == 8


def test_maps_of_a_generated_picture(folder: Path, tmp_path: Path) -> None:
    places = tmp_path / "g.png", tmp_path / "maps.png"
    said = overpaint(
        "generate", SOURCE, "--model", folder, "--steps", "1", "-o", places[0], "--maps", places[1]
    )
    assert said.code == 0
    assert all(place.exists() for place in places)


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("A red ball, on grass!", "a-red-ball-on-grass"),
        ("../../x", "x"),
        ("緑", "generated"),
        ("a" * 99, "a" * 40),
    ],
)
def test_names_are_made_of_words(prompt: str, name: str) -> None:
    assert name_of(prompt) == name
