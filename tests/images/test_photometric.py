from pathlib import Path

import numpy as np
import pytest
from tests.images.kit import SRGB
from tests.images.tiffs import BLACK_IS_ZERO, DOUBLE, RGB, Tiff

from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture


def loaded(path: Path, tiff: Tiff, numbers: object) -> Picture:
    path.write_bytes(tiff.written(np.asarray(numbers)))
    return load_picture(path)


def test_the_profile_of_deep_colours_stays(tmp_path: Path) -> None:
    picture = loaded(tmp_path / "a.tif", Tiff(16, photometric=RGB, icc=SRGB), np.zeros((4, 4, 3)))
    assert picture.info.icc == SRGB


@pytest.mark.parametrize("photometric", [BLACK_IS_ZERO, RGB])
def test_premultiplied_colours_are_divided(tmp_path: Path, photometric: int) -> None:
    count = 2 if photometric == BLACK_IS_ZERO else 4
    numbers = np.full((2, 2, count), 100 * 257)
    numbers[..., -1] = 128 * 257
    picture = loaded(tmp_path / "a.tif", Tiff(16, photometric=photometric, extra=(1,)), numbers)
    assert picture.alpha is not None and (picture.alpha == 128).all()
    assert np.abs(picture.rgb.astype(int) - round(100 * 255 / 128)).max() <= 1


def test_further_samples_that_are_no_transparency_are_left_out(tmp_path: Path) -> None:
    numbers = np.dstack([np.full((2, 2, 3), 65535), np.zeros((2, 2))])
    picture = loaded(tmp_path / "a.tif", Tiff(16, photometric=RGB, extra=(0,)), numbers)
    assert picture.alpha is None and (picture.rgb == 255).all()


def test_deep_lab(tmp_path: Path) -> None:
    white = np.zeros((2, 2, 3), np.uint16)
    white[..., 0] = 65535
    assert loaded(tmp_path / "a.tif", Tiff(16, photometric=8), white).rgb.min() >= 250


def test_signed_numbers_are_read_where_the_file_says_their_range(tmp_path: Path) -> None:
    ends = {340: (DOUBLE, (-1000.0,)), 341: (DOUBLE, (1000.0,))}
    numbers = np.array([[-1000, 0, 1000]])
    assert loaded(tmp_path / "a.tif", Tiff(16, "i", more=ends), numbers).rgb[0, :, 0].tolist() == [
        0,
        128,
        255,
    ]
    with pytest.raises(UsageError, match="numbers from -1000 to 1000, whose range is not known"):
        loaded(tmp_path / "b.tif", Tiff(16, "i"), numbers)


def test_fewer_samples_than_colours_is_damage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="damaged"):
        loaded(tmp_path / "a.tif", Tiff(16, photometric=RGB), np.zeros((2, 2)))


def test_the_further_pages_are_said(tmp_path: Path) -> None:
    data = Tiff(16).written(np.zeros((2, 2)))
    (tmp_path / "a.tif").write_bytes(data[:-4] + len(data).to_bytes(4, "little") + bytes(2))
    assert "only its first page is used" in load_picture(tmp_path / "a.tif").info.notes[0]
