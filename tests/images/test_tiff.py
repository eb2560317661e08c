"""Files are written by hand (`tests.images.tiffs`), read from disk, and held against plain arithmetic."""

import struct
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.images.kit import encoded
from tests.images.tiffs import BLACK_IS_ZERO, CMYK, LONG, RGB, WHITE_IS_ZERO, Tiff

from overpaint.errors import UsageError
from overpaint.images import Limits, load_picture

HEIGHT, WIDTH = 37, 45
DEPTHS: tuple[tuple[int, Any], ...] = (
    *((bits, "u") for bits in (1, 2, 4, 8, 10, 12, 14, 16, 24, 32)),
    *((bits, "i") for bits in (16,)),
    *((bits, "f") for bits in (16, 32, 64)),
)
SAMPLES = {
    **{"white is zero": (1, WHITE_IS_ZERO), "black is zero": (1, BLACK_IS_ZERO), "colours": (3, RGB)},
    **{"colours and alpha": (4, RGB), "grey and alpha": (2, BLACK_IS_ZERO)},
}
LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rows": 5},
    "tiles": {"tile": (16, 32)},
    "a tile larger than the picture": {"tile": (64, 64)},
}


def upright(stored: NDArray[Any], orientation: int | None) -> NDArray[Any]:
    """The picture as it was taken."""
    match orientation:
        case 2:
            return stored[:, ::-1]
        case 3:
            return stored[::-1, ::-1]
        case 6:
            return np.rot90(stored, -1)
        case 8:
            return np.rot90(stored)
        case _:
            return stored


def numbers_for(bits: int, kind: str, samples: int) -> NDArray[Any]:
    """Every part of the range, its end among them."""
    random, shape = np.random.default_rng(bits + samples), (HEIGHT, WIDTH, samples)
    if kind == "f":
        found = random.random(shape).astype(f"f{bits // 8}")
        found[0, 0], found[0, 1] = 0, 1
        return found
    top = 2 ** (bits - (kind == "i")) - 1
    found = random.integers(0, top, shape, endpoint=True)
    found[0, 0], found[0, 1] = 0, top
    return found


def levels(numbers: NDArray[Any], tiff: Tiff) -> NDArray[Any]:
    """What the numbers look like in eight bits."""
    top = 1.0 if tiff.kind == "f" else 2.0 ** (tiff.bits - (tiff.kind == "i")) - 1
    found = np.floor(numbers.astype(np.float64) / top * 255 + 0.5)
    return 255 - found if tiff.photometric == WHITE_IS_ZERO else found


@pytest.mark.sample(90)
@pytest.mark.parametrize("samples", SAMPLES)
@pytest.mark.parametrize(("bits", "kind"), DEPTHS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_depth_is_read_as_the_file_says(
    tmp_path: Path, bits: int, kind: Any, samples: str, layout: str
) -> None:
    count, photometric = SAMPLES[samples]
    numbers, path = numbers_for(bits, kind, count), tmp_path / "a.tif"
    for order, planes, orientation in product("<>", {False, count > 1}, (None, 6)):
        tiff = Tiff(bits, kind, photometric, order, planes=planes, orientation=orientation, **LAYOUTS[layout])  # pyright: ignore[reportArgumentType]
        tiff = replace(tiff, extra=(2,) if count in (2, 4) else ())
        path.write_bytes(tiff.written(numbers))
        picture = load_picture(path)
        wanted = upright(levels(numbers, tiff), orientation)
        colours = 1 if count < 3 else 3
        assert picture.size == wanted.shape[:2]
        assert np.array_equal(picture.rgb[..., :colours], wanted[..., :colours])
        assert (picture.alpha is not None) == (count in (2, 4))
        assert picture.alpha is None or np.array_equal(picture.alpha, wanted[..., -1])
        assert (kind == "i") == any("do not say what is white" in note for note in picture.info.notes)


@pytest.mark.parametrize("orientation", [2, 3, 6, 8])
@pytest.mark.parametrize("bits", [12, 16])
def test_deep_pictures_are_turned_once(tmp_path: Path, bits: int, orientation: int) -> None:
    tiff = Tiff(bits, photometric=WHITE_IS_ZERO, orientation=orientation)
    numbers, path = numbers_for(bits, "u", 1), tmp_path / "a.tif"
    path.write_bytes(tiff.written(numbers))
    assert np.array_equal(load_picture(path).rgb[..., :1], upright(levels(numbers, tiff), orientation))


@pytest.mark.parametrize(("bits", "kind"), [(8, "u"), (16, "u"), (32, "u"), (16, "f"), (32, "f")])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("planes", [False, True])
def test_compressed_numbers_and_their_differences(
    tmp_path: Path, bits: int, kind: Any, layout: str, planes: bool
) -> None:
    numbers, path = numbers_for(bits, kind, 3), tmp_path / "a.tif"
    for order, predicted in product("<>", (False, True)):
        tiff = Tiff(bits, kind, RGB, order, planes=planes, **LAYOUTS[layout])  # pyright: ignore[reportArgumentType]
        path.write_bytes(replace(tiff, compressed=True, predicted=predicted).written(numbers))
        assert np.array_equal(load_picture(path).rgb, levels(numbers, tiff))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 12, 16])
@pytest.mark.parametrize("compressed", [False, True])
def test_bits_from_the_other_end(tmp_path: Path, bits: int, compressed: bool) -> None:
    tiff = Tiff(bits, reversed=True, compressed=compressed)
    numbers, path = numbers_for(bits, "u", 1), tmp_path / "a.tif"
    path.write_bytes(tiff.written(numbers))
    assert np.array_equal(load_picture(path).rgb[..., :1], levels(numbers, tiff))


@pytest.mark.parametrize("packing", ["tiff_lzw", "packbits", "tiff_adobe_deflate", "tiff_deflate"])
def test_the_packings_of_other_programs(tmp_path: Path, packing: str) -> None:
    numbers = numbers_for(16, "u", 1)[..., 0].astype(np.uint16)
    path = tmp_path / "a.tif"
    path.write_bytes(encoded(Image.fromarray(numbers), "TIFF", compression=packing))
    assert np.array_equal(load_picture(path).rgb[..., 0], levels(numbers, Tiff(16)))


@pytest.mark.parametrize("planes", [False, True])
def test_deep_inks(tmp_path: Path, planes: bool) -> None:
    inks = np.zeros((4, 4, 4), np.uint16)
    inks[..., 0] = 65535  # all cyan
    (tmp_path / "a.tif").write_bytes(Tiff(16, photometric=CMYK, planes=planes).written(inks))
    picture = load_picture(tmp_path / "a.tif")
    assert picture.rgb[0, 0, 0] < 60 and picture.rgb[0, 0, 1] > 150
    assert any("CMYK" in note for note in picture.info.notes)


def test_small_masks_in_wide_numbers_stay_zero_and_one(tmp_path: Path) -> None:
    numbers = np.eye(8, dtype=np.uint16)
    for bits in (8, 12, 16, 32):
        (tmp_path / "a.tif").write_bytes(Tiff(bits).written(numbers))
        assert np.array_equal(load_picture(tmp_path / "a.tif").rgb[..., 0], numbers)


def sentence(path: Path, data: bytes, limits: Limits | None = None) -> str:
    """What is said about a file that is refused."""
    path.write_bytes(data)
    with pytest.raises(UsageError) as caught:
        load_picture(path, limits=limits)
    said = str(caught.value)
    assert said.endswith(".") and "\n" not in said and caught.value.__cause__ is None
    return said


@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("compressed", [False, True])
def test_every_cut_of_a_deep_file_is_one_sentence(
    tmp_path: Path, tile: tuple[int, int] | None, compressed: bool
) -> None:
    data = Tiff(16, tile=tile, rows=5, compressed=compressed).written(numbers_for(16, "u", 1))
    for length in range(4, len(data) - 20, 7):
        said = sentence(tmp_path / "a.tif", data[:length])
        assert "damaged" in said or "not a picture" in said


def test_random_damage_never_escapes(tmp_path: Path) -> None:
    random, path = np.random.default_rng(2), tmp_path / "a.tif"
    whole = Tiff(16, photometric=RGB, planes=True, rows=9, compressed=True).written(numbers_for(16, "u", 3))
    for _ in range(400):
        data = np.frombuffer(whole, np.uint8).copy()
        data[random.integers(len(data) - 400, len(data), 2)] = random.integers(0, 256, 2)
        path.write_bytes(data.tobytes())
        try:
            assert load_picture(path).rgb.ndim == 3
        except UsageError as error:
            assert str(error).endswith(".")


def test_limits_hold_before_anything_is_decoded(tmp_path: Path) -> None:
    numbers = np.zeros((4, 4, 3), np.uint16)
    claimed = Tiff(16, photometric=RGB, planes=True)
    data = claimed.written(numbers)
    for tag, value in ((256, 100_000), (257, 100_000)):
        entry = struct.pack("<HHI", tag, LONG, 1)
        at = data.index(entry) + len(entry)
        data = data[:at] + struct.pack("<I", value) + data[at + 4 :]
    assert "million pixels" in sentence(tmp_path / "a.tif", data)
    good = Tiff(16).written(np.zeros((8, 8), np.uint16))
    assert "million pixels" in sentence(tmp_path / "a.tif", good, Limits(pixels=63))
    (tmp_path / "a.tif").write_bytes(good)
    assert load_picture(tmp_path / "a.tif", limits=Limits(pixels=64)).size == (8, 8)
    many = Tiff(64, "f", RGB).written(np.zeros((8, 8, 3)))
    assert "million pixels" in sentence(tmp_path / "a.tif", many, Limits(pixels=64))


def test_what_a_strip_unfolds_to_beyond_its_rows_is_not_unfolded(tmp_path: Path) -> None:
    data = Tiff(16, photometric=WHITE_IS_ZERO, compressed=True).written(np.zeros((4000, 4000), np.uint16))
    assert len(data) < 2**16  # thirty-two megabytes of nothing
    for tag in (256, 257, 278):
        entry = struct.pack("<HHI", tag, LONG, 1)
        at = data.index(entry) + len(entry)
        data = data[:at] + struct.pack("<I", 8) + data[at + 4 :]
    (tmp_path / "a.tif").write_bytes(data)
    assert load_picture(tmp_path / "a.tif", limits=Limits(pixels=64)).rgb.tolist() == [[[255] * 3] * 8] * 8


@pytest.mark.parametrize(
    ("tiff", "tag", "value"),
    [(Tiff(16, photometric=32803), 0, 0), (Tiff(16), 259, 7), (Tiff(8, photometric=32803), 0, 0)],
)
def test_a_sound_file_of_another_kind_is_not_called_damaged(
    tmp_path: Path, tiff: Tiff, tag: int, value: int
) -> None:
    data = tiff.written(np.zeros((8, 8), np.uint16))
    if tag:
        at = data.index(struct.pack("<HHI", tag, 3, 1)) + 8
        data = data[:at] + struct.pack("<H", value) + data[at + 2 :]
    said = sentence(tmp_path / "a.tif", data)
    assert "not read" in said and "damaged" not in said and "save it as PNG" in said
