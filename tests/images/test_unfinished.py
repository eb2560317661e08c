from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.images.kit import encoded

from overpaint.errors import UsageError
from overpaint.images import load_picture
from overpaint.images.unfinished import completed

KINDS: dict[str, dict[str, Any]] = {
    "usual": {},
    "progressive": {"progressive": True},
    "fine": {"subsampling": 0, "quality": 100},
    "restarting": {"restart_marker_rows": 1},
}


def noisy() -> Image.Image:
    """A picture whose every block differs, of a size that fills no whole blocks."""
    y, x = np.mgrid[0:61, 0:83]
    pixels = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    pixels[..., 0], pixels[..., 1] = x * 3 % 256, y * 4 % 256
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("lost", [1, 2])
def test_only_the_end_marker_is_missing(tmp_path: Path, kind: str, mode: str, lost: int) -> None:
    data = encoded(noisy().convert(mode), "JPEG", **KINDS[kind])
    for name, content in (("whole.jpg", data), ("cut.jpg", data[:-lost])):
        (tmp_path / name).write_bytes(content)
    whole, cut = (load_picture(tmp_path / name) for name in ("whole.jpg", "cut.jpg"))
    assert np.array_equal(whole.rgb, cut.rgb)
    said = [any("end marker is missing" in note for note in picture.info.notes) for picture in (whole, cut)]
    assert said == [False, kind != "restarting" or mode == "RGB"]  # Pillow finds no need of it there


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_where_pixels_are_missing_it_stays_damaged(tmp_path: Path, kind: str, mode: str) -> None:
    image = noisy().convert(mode)
    data = encoded(image, "JPEG", **KINDS[kind])
    (tmp_path / "a.jpg").write_bytes(data)
    whole = load_picture(tmp_path / "a.jpg").rgb
    for lost in range(3, len(data) - 200, 11):
        (tmp_path / "a.jpg").write_bytes(data[:-lost])
        try:
            found = load_picture(tmp_path / "a.jpg").rgb
        except UsageError as error:
            assert "damaged" in str(error)
        else:  # the bits that went are those a decoder fills in
            assert np.array_equal(found, whole)


def test_what_is_no_jpeg_or_has_no_scan_is_not_completed() -> None:
    data = encoded(noisy(), "JPEG")
    for cut in (b"", b"\xff\xd8", data[:20], data[: data.index(b"\xff\xda")], b"\x89PNG" + bytes(40)):
        assert completed(cut) is None
