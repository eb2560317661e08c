import os
import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.images.kit import SRGB

from overpaint.errors import UsageError
from overpaint.images import Limits, load_picture, save_picture

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)


def save(path: Path, image: Image.Image, format: str = "PNG", **options: Any) -> Path:
    image.save(path, format, **options)
    return path


def refusal(path: str | Path, **options: Any) -> str:
    """The one sentence a wrong file gives, without any warning."""
    with warnings.catch_warnings(), pytest.raises(UsageError) as caught:
        warnings.simplefilter("error")
        load_picture(path, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and caught.value.__cause__ is None
    return sentence


def test_png_is_read_exactly(tmp_path: Path) -> None:
    picture = load_picture(save(tmp_path / "a.png", Image.fromarray(COLOURS)))
    assert np.array_equal(picture.rgb, COLOURS)
    assert picture.alpha is None and picture.info.format == "PNG" and picture.size == (6, 10)


def test_jpeg_is_read(tmp_path: Path) -> None:
    smooth = Image.fromarray(np.full((16, 16, 3), (200, 100, 50), np.uint8))
    picture = load_picture(str(save(tmp_path / "a.jpg", smooth, "JPEG", quality=95)))
    assert picture.info.format == "JPEG"
    assert np.abs(picture.rgb.astype(int) - (200, 100, 50)).max() <= 3


def test_phone_pictures_with_several_frames_are_jpegs(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 16), (200, 100, 50))
    path = save(tmp_path / "a.jpg", image, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    picture = load_picture(path)
    assert picture.info.format == "JPEG" and picture.rgb[0, 0, 0] > 190


def test_name_does_not_decide_the_format(tmp_path: Path) -> None:
    assert load_picture(save(tmp_path / "a.jpg", Image.fromarray(COLOURS))).info.format == "PNG"


def test_alpha_is_kept_apart_and_colours_under_it_survive(tmp_path: Path) -> None:
    alpha = np.arange(60, dtype=np.uint8).reshape(6, 10)
    image = Image.fromarray(np.dstack([COLOURS, alpha]))
    picture = load_picture(save(tmp_path / "a.png", image))
    assert picture.alpha is not None
    assert np.array_equal(picture.rgb, COLOURS) and np.array_equal(picture.alpha, alpha)


def test_palette_with_transparency(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((1, 0), 1)
    picture = load_picture(save(tmp_path / "a.png", image, transparency=0))
    assert picture.rgb.tolist() == [[[10, 20, 30], [200, 100, 50]]]
    assert picture.alpha is not None and picture.alpha.tolist() == [[0, 255]]


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    grey = Image.fromarray(np.repeat(np.array([[0, 255]], np.uint8), 2, axis=0))
    picture = load_picture(save(tmp_path / "a.png", grey.convert(mode)))
    assert picture.rgb[0].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert (picture.alpha is not None) == (mode == "LA")


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    deep = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    picture = load_picture(save(tmp_path / "a.png", Image.fromarray(deep)))
    assert picture.rgb[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]
    assert np.array_equal(picture.rgb[..., 0], picture.rgb[..., 2])


def test_sixteen_bit_colours(tmp_path: Path) -> None:
    rows = b"\0" + struct.pack(">6H", 65535, 0, 32768, 0, 65535, 256)
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(png(chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")))
    assert load_picture(path).rgb.tolist() == [[[255, 0, 128], [0, 255, 1]]]


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    picture = load_picture(save(tmp_path / "a.jpg", cyan, "JPEG", icc_profile=b"made for CMYK"))
    assert picture.rgb[8, 8, 0] < 60 and picture.rgb[8, 8, 1] > 150
    assert picture.info.icc is None
    assert "CMYK" in picture.info.notes[0]


def test_profile_of_an_rgb_picture_is_kept(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS), icc_profile=SRGB)
    assert load_picture(path).info.icc == SRGB


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp"])
def test_large_profiles_are_kept(tmp_path: Path, name: str) -> None:
    size = 3 * 2**20
    large = size.to_bytes(4, "big") + SRGB[4:] + np.random.default_rng(0).bytes(size - len(SRGB))
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS), icc_profile=large)
    assert load_picture(path).info.icc == large
    assert load_picture(save_picture(load_picture(path), tmp_path / name)).info.icc == large
    with pytest.raises(ValueError, match="MAX_TEXT"):  # Pillow's own limit is as it was
        Image.open(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_orientation_is_applied_once(tmp_path: Path, orientation: int, format: str) -> None:
    upright = np.zeros((16, 32, 3), np.uint8)
    upright[:8, :16] = 255  # white in the top left quarter only
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright),
        7: upright[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a", Image.fromarray(np.ascontiguousarray(stored)), format, exif=exif)
    picture = load_picture(path)
    assert picture.size == (16, 32)
    assert np.abs(picture.rgb.astype(int) - upright).max() <= 8


def test_damaged_exif_is_taken_as_upright(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", Image.fromarray(COLOURS), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\0")
    assert load_picture(path).size == (6, 10)


def test_text_chunks_are_read_even_behind_the_pixels(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("front", "straw ü")
    info.add(b"tEXt", b"late\0berry", after_idat=True)
    picture = load_picture(save(tmp_path / "a.png", Image.fromarray(COLOURS), pnginfo=info))
    assert picture.info.text == {"front": "straw ü", "late": "berry"}


def test_missing_file(tmp_path: Path) -> None:
    assert "no file" in refusal(tmp_path / "none.png")
    (tmp_path / "file").write_bytes(b"x")
    assert "no file" in refusal(tmp_path / "file" / "below.png")


def test_folder_empty_and_special_files(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    os.mkfifo(tmp_path / "pipe.png")
    assert "folder" in refusal(tmp_path)
    assert "empty" in refusal(tmp_path / "empty.png")
    assert "not a file" in refusal(tmp_path / "pipe.png")


def test_names_no_system_knows(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "nul\0.png")
    assert "cannot be read" in refusal(tmp_path / ("long" * 100))


@pytest.mark.parametrize("error", [PermissionError(13, "denied"), OSError(5, "Input/output error")])
def test_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS))

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(Path, "open", fail)
    assert "read" in refusal(path)


@pytest.mark.parametrize(
    ("start", "name"), [(b"\0\0\0 ftypavif", "AVIF"), (b"%PDF-1.7", "PDF"), (b"8BPS\0\1", "Photoshop")]
)
def test_other_formats_are_named(tmp_path: Path, start: bytes, name: str) -> None:
    (tmp_path / "a.png").write_bytes(start + bytes(40))
    sentence = refusal(tmp_path / "a.png")
    assert name in sentence and "convert it to PNG, JPEG, WebP, TIFF, BMP or GIF" in sentence


@pytest.mark.parametrize("data", [b"just words", b"\0" * 500, b"\xff" * 500])
def test_not_a_picture(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.png").write_bytes(data)
    assert "not a picture" in refusal(tmp_path / "a.png")


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_every_cut_is_one_sentence(tmp_path: Path, format: str) -> None:
    buffer = BytesIO()
    Image.fromarray(COLOURS).save(buffer, format)
    data, path = buffer.getvalue(), tmp_path / "a.png"
    for length in range(1, len(data) - 20):
        path.write_bytes(data[:length])
        assert "damaged" in (sentence := refusal(path)) or "not a picture" in sentence


def test_random_damage_never_escapes(tmp_path: Path) -> None:
    random, path = np.random.default_rng(1), tmp_path / "a.png"
    for format in ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"):
        buffer = BytesIO()
        Image.fromarray(COLOURS).save(buffer, format, exif=Image.Exif())
        for _ in range(100):
            data = np.frombuffer(buffer.getvalue(), np.uint8).copy()
            data[random.integers(0, len(data), 3)] = random.integers(0, 256, 3)
            path.write_bytes(data.tobytes())
            try:
                assert load_picture(path).rgb.ndim == 3
            except UsageError as error:
                assert str(error).endswith(".")


def test_file_size_limit(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS))
    exact = path.stat().st_size
    assert load_picture(path, limits=Limits(bytes=exact)).size == (6, 10)
    assert "larger than" in refusal(path, limits=Limits(bytes=exact - 1))


def test_pixel_limit(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS))
    assert load_picture(path, limits=Limits(pixels=60)).size == (6, 10)
    assert "million pixels" in refusal(path, limits=Limits(pixels=59))


@pytest.mark.parametrize("side", [8_000, 12_000, 100_000])
def test_bombs_are_refused_by_their_header(tmp_path: Path, side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(png(chunk(b"IHDR", header), chunk(b"IDAT", b""), chunk(b"IEND", b"")))
    assert "million pixels" in refusal(path)


def test_text_bombs_are_refused(tmp_path: Path) -> None:
    info = PngInfo()
    info.add_text("overpaint", "a" * 2**23, zip=True)
    assert "unpacks to" in refusal(save(tmp_path / "a.png", Image.fromarray(COLOURS), pnginfo=info))
    bomb = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(2**23)))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    (tmp_path / "b.png").write_bytes(png(header, bomb, chunk(b"IDAT", zlib.compress(bytes(4)))))
    assert "unpacks to" in refusal(tmp_path / "b.png")


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@pytest.mark.parametrize("format", ["GIF", "TIFF", "WEBP", "PNG"])
def test_of_several_frames_the_first_is_read_and_that_is_said(tmp_path: Path, format: str) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ((250, 0, 0), (0, 0, 250)))
    path = save(tmp_path / "a", first, format, save_all=True, append_images=[second])
    picture = load_picture(path)
    assert picture.rgb[0, 0, 0] > 200 and picture.rgb[0, 0, 2] < 50
    word = "page" if format == "TIFF" else "frame"
    assert picture.info.notes == (f"Of {path}: only its first {word} is used.",)
    assert not load_picture(save(tmp_path / "b", first, format)).info.notes


def test_limits_may_be_raised_above_those_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    path = save(tmp_path / "a.png", Image.fromarray(COLOURS))
    assert load_picture(path, limits=Limits(pixels=60)).size == (6, 10)
    assert Image.MAX_IMAGE_PIXELS == 20
    refusal(path, limits=Limits(pixels=3))
    assert Image.MAX_IMAGE_PIXELS == 20


def test_a_jpeg_of_endless_passes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(whole_jpeg() + b"\xff\xda" * 600)
    assert "more than 500 passes" in refusal(tmp_path / "a.jpg")


def whole_jpeg() -> bytes:
    buffer = BytesIO()
    Image.fromarray(COLOURS).save(buffer, "JPEG")
    return buffer.getvalue()
