from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.cli.kit import SOURCE, TARGET, overpaint

from overpaint.cli.generate import name_of
from overpaint.images import load_picture
from overpaint.images.recipe import read_recipe


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


@pytest.mark.parametrize(
    ("name", "quality", "why"),
    [
        ("g.png", None, None),
        ("g.webp", 100, None),
        ("g.webp", None, "a WebP below quality 100 is not exact"),
        ("g.jpg", 100, "a JPEG is not exact"),
    ],
)
def test_pixels_that_differ_are_inverted_and_that_is_said(
    name: str, quality: int | None, why: str | None, folder: Path, tmp_path: Path
) -> None:
    how = () if quality is None else ("--quality", str(quality))
    model = ("--model", folder)
    out = tmp_path / name
    assert overpaint("generate", SOURCE, *model, "--steps", "2", "-o", out, *how).code == 0
    said = overpaint("edit", out, "--target", TARGET, *model, "--json", "-o", tmp_path / "e.png")
    told, inversion = said.figures["warnings"], said.figures["options"]["inversion"]["name"]
    assert inversion == ("recorded" if why is None else "direct")
    sentence = f"The pixels are not those that were generated ({why}), so the picture is inverted; save a PNG"
    assert [one for one in told if "generated" in one] == [one for one in told if one.startswith(sentence)]
    assert sum(one.startswith(sentence) for one in told) == (why is not None)
    assert said.err.count("Warning: The pixels are not those") == (why is not None)


def test_nothing_is_said_of_pixels_where_an_inversion_was_wanted(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "g.png"
    assert overpaint("generate", SOURCE, "--model", folder, "--steps", "1", "-o", out).code == 0
    with Image.open(out) as opened:
        pixels, text = opened.convert("RGB").transpose(Image.Transpose.FLIP_LEFT_RIGHT), PngInfo()
        text.add_text("overpaint", opened.info["overpaint"])
    pixels.save(out, pnginfo=text)

    def warnings(*more: str) -> str:
        args = ("edit", out, "--model", folder, "-o", tmp_path / "e.png", "--overwrite", "--target", TARGET)
        said = overpaint(*args, *more)
        assert said.code == 0
        return said.err

    short = ("--steps", "1")
    assert "generated (it was changed since), so the picture is inverted" in warnings(*short)
    for more in (("--inversion", "ddim"), ("--method", "sdedit")):
        assert "generated" not in warnings(*more, "--steps", "2")
    assert "generated in 1 steps, not 2" in warnings("--steps", "2")
    assert "it was generated from; leave it out" in warnings(*short, "--source", "a photo of a bird")


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
