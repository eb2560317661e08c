"""Pictures as people have them, through the command line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.cli.kit import SOURCE, TARGET, Said, overpaint, save_picture
from tests.images.kit import SRGB, camera_exif, smooth

from overpaint.images import load_picture
from overpaint.images.recipe import read_recipe


def edit(picture: Path, folder: Path, *more: str | Path) -> Said:
    prompts = ("--source", SOURCE, "--target", TARGET)
    return overpaint("edit", picture, *prompts, "--model", folder, "--steps", "1", *more)


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    grey = Image.new("L", (64, 48))
    grey.paste(255, (10, 10, 40, 30))
    grey.save(tmp_path / "mask.png")
    return tmp_path / "mask.png"


def test_a_masked_edit_changes_nothing_outside_and_is_made_again(
    mask: Path, folder: Path, tmp_path: Path
) -> None:
    smooth().save(tmp_path / "a.png")
    out = tmp_path / "out.png"
    assert edit(tmp_path / "a.png", folder, "--mask", mask, "--feather", "3", "-o", out).code == 0
    outside = np.asarray(Image.open(mask)) == 0
    was, now = np.asarray(smooth()), load_picture(out).rgb
    assert np.array_equal(now[outside], was[outside])
    assert not np.array_equal(now[~outside], was[~outside])
    mask.unlink()
    said = overpaint("rerun", out, "--json")
    assert said.figures["same"] is True
    assert (tmp_path / "out-rerun.png").read_bytes() == out.read_bytes()
    assert "mask        inside the recipe" in overpaint("show", out).out


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_a_lossy_picture_is_made_again_bit_for_bit_and_cited(
    picture: Path, folder: Path, suffix: str
) -> None:
    out = picture.with_name(f"out{suffix}")
    assert edit(picture, folder, "-o", out, "--quality", "80").code == 0
    assert overpaint("rerun", out, "--json").figures["same"] is True
    assert read_recipe(out.with_name(f"out-rerun{suffix}")) == read_recipe(out)
    assert "@inproceedings{hertz2023prompt" in overpaint("cite", out).out


def test_a_photo_comes_back_upright_with_its_profile_and_without_its_place(
    folder: Path, tmp_path: Path
) -> None:
    sideways = smooth().transpose(Image.Transpose.ROTATE_90)
    sideways.save(tmp_path / "photo.jpg", exif=camera_exif(6), icc_profile=SRGB)
    said = edit(
        tmp_path / "photo.jpg", folder, "--fit", "crop", "-o", tmp_path / "out.webp", "--quality", "100"
    )
    assert said.code == 0
    picture = load_picture(tmp_path / "out.webp")
    assert picture.size == (48, 64) and picture.info.icc == SRGB
    assert picture.info.credit["Artist"] == "A. Author"
    assert np.array_equal(picture.rgb[:, :8], load_picture(tmp_path / "photo.jpg").rgb[:, :8])
    assert b"Maker" not in (tmp_path / "out.webp").read_bytes()


def test_transparency_is_kept_or_flattened_and_a_jpeg_says_what_it_lost(folder: Path, tmp_path: Path) -> None:
    clear = smooth()
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    clear.save(tmp_path / "a.png")
    for more, kept in (((), True), (("--alpha", "flatten", "--background", "navy"), False)):
        edit(tmp_path / "a.png", folder, "-o", tmp_path / "out.png", "--overwrite", *more)
        alpha = load_picture(tmp_path / "out.png").alpha
        assert (alpha is not None) == kept
        assert not kept or np.array_equal(np.asarray(alpha), np.asarray(clear)[..., 3])
    said = edit(tmp_path / "a.png", folder, "-o", tmp_path / "out.jpg")
    assert "Warning: A JPEG holds no transparency, so the picture was laid on white." in said.err


def test_fresh_names_for_every_file_that_is_written(picture: Path, folder: Path, tmp_path: Path) -> None:
    files = ("--strip", tmp_path / "s.png", "--preview", tmp_path / "p.jpg", "-o", tmp_path / "o.png")
    edit(picture, folder, *files)
    before = {name: (tmp_path / name).read_bytes() for name in ("s.png", "p.jpg", "o.png")}
    figures = edit(picture, folder, *files, "--fresh-name", "--json").figures
    places = {name: Path(figures[name]).name for name in ("strip", "preview", "output")}
    assert places == {"strip": "s-2.png", "preview": "p-2.jpg", "output": "o-2.png"}
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_the_first_frame_is_used_and_that_is_said(folder: Path, tmp_path: Path) -> None:
    first, second = smooth(), Image.new("RGB", (64, 48))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    said = edit(tmp_path / "a.gif", folder)
    assert said.code == 0 and "only its first frame is used" in said.err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--max-pixels", "100"), "raise --max-pixels"),
        (("--max-bytes", "0.1K"), "raise --max-bytes"),
        (("--max-pixels", "many"), "--max-pixels must be a number such as 200M, not 'many'"),
        (("--max-pixels", "-5"), "must be a number"),
        (("--max-bytes", "nan"), "must be a number"),
        (("--max-bytes", "1e400"), "must be a number"),
        (("--fit", "stretch"), "'fit' must be one of pad, crop, not 'stretch'"),
        (("--alpha", "drop"), "'alpha' must be one of keep, flatten"),
        (("--background", "12345"), "must be a colour's name or #rrggbb, not '12345'"),
        (("--background", "whte"), "must be a colour's name, perhaps 'white', or #rrggbb, not 'whte'"),
        (("--feather", "-1"), "'feather' must be a whole number from 0"),
        (("--quality", "90"), "has no quality"),
        (("--quality", "101", "-o", "x.jpg"), "from 1 to 100"),
        (("--overwrite", "--fresh-name"), "Choose one"),
        (("--mask", "none.png"), "There is no file none.png"),
        (("--mask", "small.png"), "The mask has 8 x 9 pixels and the picture 32 x 32"),
        (("-o", "x.tif"), ".png, .jpg or .webp"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    picture: Path, folder: Path, more: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(picture.parent)
    save_picture(picture.with_name("small.png"), 9, 8)
    before = sorted(picture.parent.iterdir())
    said = edit(picture, folder, *more)
    assert sentence in said.err
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert sorted(picture.parent.iterdir()) == before
