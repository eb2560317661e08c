from pathlib import Path

from tests.cli.kit import Said, overpaint, save_picture

from overpaint.images.recipe import read_recipe

PINK = (
    "The model was never taught a word of the prompt: 'pink' (nearest: 'red' or 'purple'); it means nothing "
    "to it. It reads 82 words, which 'overpaint words' lists."
)


def generated(tmp_path: Path, prompt: str, *more: str) -> Said:
    return overpaint("generate", prompt, "--steps", "1", "-o", tmp_path / "g.png", *more)


def test_generate_says_it_once_and_the_picture_keeps_it(tmp_path: Path) -> None:
    done = generated(tmp_path, "a pink ball")
    assert done.code == 0
    assert done.err.splitlines() == [f"Warning: {PINK}"]
    assert read_recipe(tmp_path / "g.png").warnings == (PINK,)
    assert f"warnings    {PINK}" in overpaint("show", tmp_path / "g.png").out
    assert generated(tmp_path, "a red ball", "--overwrite").err == ""
    assert "warnings" not in overpaint("show", tmp_path / "g.png").out
    assert generated(tmp_path, "a pink ball", "--overwrite", "--json").figures["warnings"] == [PINK]


def test_an_edit_says_it_before_it_begins_also_where_it_is_only_estimated(tmp_path: Path) -> None:
    picture = save_picture(tmp_path / "p.png", 64, 64)
    told = ("--source", "ein roter Ball", "--target", "a watter ball", "--method", "sdedit", "--dry-run")
    done = overpaint("edit", picture, *told)
    assert done.code == 0
    german, misspelled = done.err.splitlines()
    assert "most words of the source prompt: 'ein', 'roter' (nearest: 'red')" in german
    assert "a word of the target prompt: 'watter' (nearest: 'water')" in misspelled
