"""``--target`` several times: a picture for each, from one walk."""

from pathlib import Path

import pytest
from tests.cli.kit import SOURCE, TARGET, Said, overpaint

from overpaint.images import load_picture, pixels_hash
from overpaint.images.recipe import read_recipe

OTHER = "a photo of a bird"
BOTH = ("--target", TARGET, "--target", OTHER)


def edit(picture: Path, folder: Path, *more: str | Path) -> Said:
    return overpaint("edit", picture, "--source", SOURCE, "--model", folder, "--steps", "2", *more)


def test_every_target_is_a_file_with_a_recipe_that_makes_it_again(picture: Path, folder: Path) -> None:
    said = edit(picture, folder, *BOTH)
    first, second = picture.with_name("cat-edited.png"), picture.with_name("cat-edited-2.png")
    assert said.code == 0 and "12 rows in 4 network calls" in said.out
    assert f"Wrote {first}" in said.out and f"Wrote {second}" in said.out
    told = [read_recipe(one) for one in (first, second)]
    assert [(one.result, one.target) for one in told] == [(1, TARGET), (2, OTHER)]
    assert [one.output for one in told] == [pixels_hash(load_picture(one)) for one in (first, second)]
    assert told[0].output != told[1].output
    again = overpaint("rerun", second)
    assert "bit for bit" in again.out
    assert pixels_hash(load_picture(picture.with_name("cat-edited-2-rerun.png"))) == told[1].output
    assert not picture.with_name("cat-edited-2-rerun-2.png").exists()


def test_what_is_written_beside_them_is_too(picture: Path, folder: Path, tmp_path: Path) -> None:
    out = {name: tmp_path / f"{name}.png" for name in ("output", "maps", "mask-out", "strip")}
    flags = [one for name, place in out.items() for one in (f"--{name}", place)]
    said = edit(picture, folder, *BOTH, *flags, "--blend", "cat=>dog,bird", "--json")
    files = {
        name: Path(said.figures[name]).name
        for name in said.figures
        if name.partition("-")[0] in ("output", "maps", "mask", "strip")
    }
    assert files == {
        "output": "output.png",
        "output-2": "output-2.png",
        "maps": "maps.png",
        "maps-2": "maps-2.png",
        "mask": "mask-out.png",
        "mask-2": "mask-out-2.png",
        "strip": "strip.png",
    }
    assert said.figures["request"]["also"] == [OTHER]
    narrow, wide = (load_picture(out[name]).size for name in ("output", "strip"))
    assert wide[1] > 3 * narrow[1], "source and both edits"
    shown = overpaint("show", tmp_path / "output-2.png").out
    assert "[-cat-] {+bird+}" in shown and f"in one with {TARGET}" in shown


def test_a_name_that_is_taken_is_said_before_the_work(picture: Path, folder: Path) -> None:
    picture.with_name("cat-edited-2.png").write_bytes(b"mine")
    said = edit(picture, folder, *BOTH)
    assert said.code == 2 and "cat-edited-2.png" in said.err
    assert not picture.with_name("cat-edited.png").exists()


def test_it_goes_on_from_what_the_second_one_shows(picture: Path, folder: Path) -> None:
    edit(picture, folder, *BOTH)
    second = picture.with_name("cat-edited-2.png")
    said = overpaint("edit", second, "--target", SOURCE, "--model", folder, "--steps", "1", "--json")
    assert said.figures["request"]["source"] == OTHER


def test_the_estimate_counts_them(picture: Path, folder: Path) -> None:
    rows = [
        edit(picture, folder, *targets, "--dry-run", "--json").figures["rows"] for targets in (BOTH[:2], BOTH)
    ]
    assert rows == [[8, 8], [12, 12]]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--method", "masactrl"), "takes one target at a time"),
        (("--method", "masactrl"), "p2p, style-diffusion"),
        (("--target", f"  {TARGET}"), "is given twice"),
        (("--target", " "), "One of the targets is empty"),
        ([one for k in range(15) for one in ("--target", f"a dog and {k}")], "1 to 16 targets, not 17"),
        (("--target", "a \x07 dog"), "The target 3 prompt holds control characters"),
        (("--mask-diff",), "edit once for each"),
        (("--reweight", "mouse=2"), "'mouse' is not in the prompt"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    picture: Path, folder: Path, more: tuple[str, ...], sentence: str
) -> None:
    said = edit(picture, folder, *BOTH, *more)
    assert said.code == 2 and sentence in said.err
