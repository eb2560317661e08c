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


def test_a_check_says_what_changes_where_nothing_is_asked(
    picture: Path, folder: Path, tmp_path: Path
) -> None:
    told = ("invert", picture, "--source", SOURCE, "--model", folder, "--steps", "2", "--inversion", "direct")
    plain, said = overpaint(*told), overpaint(*told, "--check")
    assert said.code == 0
    assert "Asked for nothing" not in plain.out
    assert "Asked for nothing (the same prompt twice), ddim over direct changes " in said.out
    assert "The autoencoder alone gives back " in said.out
    figures = overpaint(*told, "--check", "--json").figures
    assert figures["unasked"]["psnr"] == figures["figures"]["unasked"]
    assert figures["unasked"]["words"] in said.out
    assert figures["figures"]["check_rows"] == figures["unasked"]["rows"] > 0
    assert "unasked" not in overpaint(*told, "--json").figures


def test_a_check_by_any_method_and_what_it_would_take(picture: Path, folder: Path) -> None:
    told = ("invert", picture, "--source", SOURCE, "--model", folder, "--steps", "2", "--check-method")
    assert overpaint(*told, "p2p", "--json").figures["unasked"]["method"] == "p2p"
    assert "did you mean 'p2p'?" in overpaint(*told, "p3p").err
    said = overpaint(*told, "p2p", "--dry-run")
    assert said.code == 0 and "The check: 8 more rows, about " in said.out
    assert overpaint(*told, "p2p", "--dry-run", "--json").figures["check"]["rows"] == [8, 8]


def test_a_check_needs_to_know_what_the_picture_shows(picture: Path, folder: Path) -> None:
    said = overpaint("invert", picture, "--model", folder, "--check")
    assert said.code == 2 and "source prompt" in said.err
