from pathlib import Path

from tests.cli.kit import SOURCE, TARGET, overpaint

from overpaint.images import load_picture


def test_an_inversion_is_measured_and_kept_for_the_edit(picture: Path, folder: Path, tmp_path: Path) -> None:
    told = ("--source", SOURCE, "--model", folder, "--steps", "2", "--inversion", "direct")
    said = overpaint("invert", picture, *told)
    assert said.code == 0
    assert "dB against the autoencoder's round trip" in said.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cache", "cat.png"]
    assert overpaint("edit", picture, *told, "--target", TARGET, "--json").figures["figures"]["rows"] == 6


def test_what_comes_back_is_written_if_a_name_is_given(picture: Path, folder: Path, tmp_path: Path) -> None:
    out, strip = tmp_path / "back.png", tmp_path / "strip.png"
    told = ("--source", SOURCE, "--model", folder, "--steps", "2", "-o", out, "--strip", strip, "--json")
    figures = overpaint("invert", picture, *told).figures
    assert figures["command"] == "invert"
    assert figures["figures"]["psnr"] > 0
    assert load_picture(out).size == (32, 32)
    assert strip.exists()


def test_help_has_the_options_of_inversions() -> None:
    assert "--inversion.proximal" in overpaint("invert", "--inversion", "negative-prompt", "--help").out
