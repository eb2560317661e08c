from pathlib import Path

import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint
from tests.known.foreign import stranger
from tests.known.measured import drawn

from overpaint.images import save_picture
from overpaint.images.recipe import read_recipe
from overpaint.run.known import LIMIT

FAR = "This picture is far from what the model knows ("


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A picture that Still Life does not know, as a file."""
    return save_picture(stranger("town", 0), tmp_path / "town.png")


def test_a_picture_far_from_the_model_is_told_before_the_edit(place: Path, tmp_path: Path) -> None:
    out = tmp_path / "e.png"
    said = overpaint(
        "edit", place, "--source", "a red ball", "--target", "a blue ball", "--steps", "2", "-o", out
    )
    assert said.code == 0
    assert said.err.count(FAR) == 1 and said.err.startswith(f"Warning: {FAR}")
    assert "poor" in said.out and "reconstructs" not in said.err
    (sentence,) = read_recipe(out).warnings
    assert sentence.startswith(FAR)
    assert FAR in overpaint("show", out).out


def test_figures_for_programs_and_the_rows_are_counted_apart(place: Path, tmp_path: Path) -> None:
    told = ("edit", place, "--source", "a red ball", "--target", "a blue ball", "--steps", "2", "--json")
    with_look = overpaint(*told, "-o", tmp_path / "a.png").figures
    without = overpaint(*told, "-o", tmp_path / "b.png", "--no-look", "--no-cache").figures
    figures, bare = with_look["figures"], without["figures"]
    assert (figures["look_rows"], bare["look_rows"]) == (3, 0)
    assert figures["rows"] == bare["rows"]
    assert figures["distance"] > LIMIT and 5 < figures["round_trip"] < 30
    assert (bare["distance"], bare["round_trip"]) == (None, None)
    assert figures["quality"] == "poor"
    assert without["warnings"] == [] or FAR not in without["warnings"][0]
    estimated = overpaint(*told, "--dry-run").figures
    least, most = estimated["rows"]
    assert estimated["look"] == 3 and least <= figures["rows"] <= most
    assert "and 3 to look at the picture first" in overpaint(*told[:-1], "--dry-run").out
    assert "look at" not in overpaint(*told[:-1], "--dry-run", "--no-look").out


def test_a_drawn_picture_is_edited_without_a_word(tmp_path: Path) -> None:
    sample = next(drawn(1))
    place = save_picture(sample.picture, tmp_path / "drawn.png")
    told = ("--source", sample.caption, "--target", sample.caption, "--steps", "2", "-o", tmp_path / "e.png")
    said = overpaint("edit", place, *told)
    assert (said.code, FAR in said.err) == (0, False)


def test_a_model_without_a_record_looks_at_the_round_trip_alone(
    picture: Path, folder: Path, tmp_path: Path
) -> None:
    told = (
        "edit",
        picture,
        "--source",
        SOURCE,
        "--target",
        TARGET,
        "--model",
        folder,
        "--steps",
        "2",
        "--json",
    )
    figures = overpaint(*told, "-o", tmp_path / "e.png").figures
    assert figures["figures"]["look_rows"] == 0 and figures["figures"]["distance"] is None
    trip = figures["figures"]["round_trip"]
    assert any("autoencoder alone loses much" in one for one in figures["warnings"]) == (trip < 20)
    assert trip < 20  # a random autoencoder
    assert overpaint(*told, "--dry-run").figures["look"] == 0
