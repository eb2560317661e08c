"""Picture files that are not what they seem, or far more than they seem."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.corpus.kit import Args, Case, Fine, Place, png, saved, verify
from tests.images.kit import LINEAR, SRGB, encoded
from tests.images.tiffs import CMYK, RGB, WHITE_IS_ZERO, Tiff


def given(name: str, make: Callable[[Place], bytes]) -> Callable[[Place], Args]:
    return lambda p: p.of(p.file(name, make(p)))


def whole(p: Place) -> bytes:
    return p.picture.read_bytes()


def jpeg_of(width: int, height: int) -> bytes:
    """A JPEG whose header claims another size."""
    data = saved("JPEG")
    place = data.index(b"\xff\xc0") + 5
    return data[:place] + struct.pack(">HH", height, width) + data[place + 4 :]


def ring_of_tiff() -> bytes:
    """A TIFF whose list of pictures leads back to itself."""
    data = saved("TIFF")
    (start,) = struct.unpack("<I", data[4:8])
    (entries,) = struct.unpack("<H", data[start : start + 2])
    end = start + 2 + 12 * entries
    return data[:end] + struct.pack("<I", start) + data[end + 4 :]


def long_tiff(pages: int = 20_000) -> bytes:
    """A TIFF that announces thousands of empty pictures after the first."""
    data = bytearray(saved("TIFF"))
    (start,) = struct.unpack("<I", data[4:8])
    (entries,) = struct.unpack("<H", data[start : start + 2])
    end = start + 2 + 12 * entries
    for _ in range(pages):
        data[end : end + 4] = struct.pack("<I", len(data))
        end = len(data) + 2
        data += struct.pack("<HI", 0, 0)
    return bytes(data)


def text_bomb() -> tuple[bytes, bytes]:
    """Two hundred megabytes of compressed text in a chunk."""
    return b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9)


def profile_bomb() -> tuple[bytes, bytes]:
    return b"iCCP", b"icc\0\0" + zlib.compress(b"a" * 200_000_000, 9)


BODY = zlib.compress((b"\0" + b"\x40\x80\xc0" * 32) * 32)
DAMAGED: dict[str, Case] = {
    "zero bytes": (given("a.png", lambda _: b""), "is empty"),
    "one byte": (given("a.png", lambda _: b"\x89"), "is not a picture"),
    "signature alone": (given("a.png", lambda _: b"\x89PNG\r\n\x1a\n"), "damaged or cut short"),
    "half a PNG": (given("a.png", lambda p: whole(p)[: len(whole(p)) // 2]), "damaged or cut short"),
    "half a JPEG": (given("a.jpg", lambda _: saved("JPEG")[:400]), "damaged or cut short"),
    "half a WebP": (given("a.webp", lambda _: saved("WEBP", size=64)[:120]), "damaged or cut short"),
    "half a TIFF": (given("a.tif", lambda _: saved("TIFF")[:900]), "damaged or cut short"),
    "noise": (given("a.png", lambda _: bytes(range(256)) * 8), "is not a picture"),
    "a web page": (given("a.png", lambda _: b"<!DOCTYPE html><p>404"), "is not a picture"),
    "an archive": (given("a.png", lambda _: b"PK\x03\x04" + bytes(60)), "is not a picture"),
    "vector graphics": (given("a.svg", lambda _: b"<svg xmlns='x'/>"), "SVG"),
    "a document": (given("a.pdf", lambda _: b"%PDF-1.7\n"), "PDF"),
    "PostScript": (given("a.eps", lambda _: b"%!PS-Adobe-3.0 EPSF-3.0\n"), "is not a picture"),
    "no width": (given("a.png", lambda _: png(0, 8)), "damaged"),
    "body of another size": (given("a.png", lambda _: png(64, 64, body=zlib.compress(b"\0" * 9))), "damaged"),
    "body that is no stream": (given("a.png", lambda _: png(8, 8, body=b"zzzz")), "damaged"),
    "a flipped header byte": (given("a.png", lambda p: whole(p)[:17] + b"\xff" + whole(p)[18:]), "a.png"),
}
HUGE: dict[str, Case] = {
    "PNG of 60000 x 60000": (given("a.png", lambda _: png(60_000, 60_000)), "million pixels"),
    "PNG of 2^31 x 1": (given("a.png", lambda _: png(2**31 - 1, 1)), "a.png"),
    "JPEG of 60000 x 60000": (given("a.jpg", lambda _: jpeg_of(60_000, 60_000)), "million pixels"),
    "text that unfolds": (given("a.png", lambda _: png(32, 32, text_bomb(), body=BODY)), "a.png"),
    "profile that unfolds": (given("a.png", lambda _: png(32, 32, profile_bomb(), body=BODY)), "a.png"),
    "body that unfolds": (
        given("a.png", lambda _: png(32, 32, body=zlib.compress(bytes(200_000_000), 9))),
        Fine,
    ),
    "TIFF that leads back to itself": (given("a.tif", lambda _: ring_of_tiff()), Fine),
    "TIFF of twenty thousand pages": (given("a.tif", lambda _: long_tiff()), Fine),
    "a very thin picture": (given("a.png", lambda _: saved("PNG", size=1)), Fine),
}
MISLABELLED: dict[str, Case] = {
    "JPEG called PNG": (given("a.png", lambda _: saved("JPEG")), Fine),
    "PNG called JPEG": (given("a.jpg", lambda _: saved("PNG")), Fine),
    "WebP called PNG": (given("a.png", lambda _: saved("WEBP")), Fine),
    "BMP called JPEG": (given("a.jpg", lambda _: saved("BMP")), Fine),
    "picture called text": (given("a.txt", lambda _: saved("PNG")), Fine),
    "text called picture": (given("a.png", lambda _: b"a cat, in words"), "is not a picture"),
    "safetensors called picture": (
        given("a.png", lambda p: next((p.model / "unet").glob("*.safetensors")).read_bytes()),
        "is not a picture",
    ),
    "CMYK": (given("a.jpg", lambda _: saved("JPEG", "CMYK")), Fine),
    "one bit": (given("a.png", lambda _: saved("PNG", "1")), Fine),
    "palette": (given("a.gif", lambda _: saved("GIF", "P")), Fine),
}


def tiff(tiff: Tiff, numbers: NDArray[Any] | None = None) -> Callable[[Place], Args]:
    """A TIFF of a whole range of numbers."""

    def make(p: Place) -> Args:
        shape = (32, 32, {RGB: 3, CMYK: 4}.get(tiff.photometric, 1) + len(tiff.extra))
        top = 1.0 if tiff.kind == "f" else 2.0**tiff.bits - 1
        whole = np.linspace(0, top, shape[0] * shape[1] * shape[2]).reshape(shape)
        whole = whole if tiff.kind == "f" else whole.round().clip(0, top).astype(np.uint64)
        return p.of(p.file("a.tif", tiff.written(whole if numbers is None else numbers)))

    return make


def png_with(**more: Any) -> Callable[[Place], Args]:
    return given("a.png", lambda _: saved("PNG", **more))


def texts() -> PngInfo:
    found = PngInfo()
    found.add_itxt("Author", "Jürgen 苺")
    found.add_itxt("Copyright", "© J.")
    return found


def array(numbers: NDArray[Any], kind: str = "TIFF") -> Callable[[Place], Args]:
    return given("a.tif", lambda _: encoded(Image.fromarray(numbers), kind))


RAMP = np.arange(1024).reshape(32, 32)
DEEP: dict[str, Case] = {
    "TIFF of 2 bits": (tiff(Tiff(2)), Fine),
    "TIFF of 4 bits from the other end": (tiff(Tiff(4, reversed=True)), Fine),
    "TIFF of 12 bits": (tiff(Tiff(12)), Fine),
    "TIFF of 12 bits whose white is zero": (tiff(Tiff(12, photometric=WHITE_IS_ZERO)), Fine),
    "TIFF of 14 bits": (tiff(Tiff(14, order=">")), Fine),
    "TIFF of 16 bits whose white is zero": (tiff(Tiff(16, photometric=WHITE_IS_ZERO)), Fine),
    "the same, turned": (tiff(Tiff(16, photometric=WHITE_IS_ZERO, orientation=6)), Fine),
    "TIFF of 16 bits in planes": (tiff(Tiff(16, photometric=RGB, planes=True)), Fine),
    "TIFF of 16 bits in tiles and planes": (
        tiff(Tiff(16, photometric=RGB, planes=True, tile=(16, 16))),
        Fine,
    ),
    "TIFF of 16 bits and transparency": (tiff(Tiff(16, extra=(2,))), Fine),
    "TIFF of inks in 16 bits": (tiff(Tiff(16, photometric=CMYK)), Fine),
    "TIFF of 32 bits": (tiff(Tiff(32)), Fine),
    "TIFF of half floats": (tiff(Tiff(16, "f")), Fine),
    "TIFF of floats in three colours": (tiff(Tiff(32, "f", RGB, predicted=True, compressed=True)), Fine),
    "whole numbers up to 200": (array((RAMP % 201).astype(np.int32)), Fine),
    "grey of 16 bits with a profile": (
        given("a.png", lambda _: encoded(Image.fromarray(RAMP.astype(np.uint16)), "PNG", icc_profile=LINEAR)),
        Fine,
    ),
    "a profile of three million bytes": (png_with(icc_profile=SRGB + bytes(3_000_000)), Fine),
    "an author among the texts": (png_with(pnginfo=texts()), Fine),
    "JPEG without its end marker": (given("a.jpg", lambda _: saved("JPEG")[:-2]), Fine),
    "progressive JPEG without its end marker": (
        given("a.jpg", lambda _: saved("JPEG", progressive=True)[:-2]),
        Fine,
    ),
    "progressive JPEG without its last scans": (
        given("a.jpg", lambda _: (data := saved("JPEG", progressive=True))[: data.rindex(b"\xff\xda")]),
        "damaged or cut short",
    ),
    "floats above one": (tiff(Tiff(32, "f"), np.full((32, 32), 1.5)), "whose range is not known"),
    "floats that are no numbers": (
        tiff(Tiff(32, "f"), np.full((32, 32), np.nan)),
        "values that are no numbers",
    ),
    "numbers below zero": (tiff(Tiff(16, "i"), RAMP - 512), "whose range is not known"),
    "whole numbers beyond 16 bits": (array((RAMP * 99).astype(np.int32)), "whose range is not known"),
    "raw of a camera": (tiff(Tiff(16, photometric=32803)), "in a way that is not read"),
    "complex numbers": (tiff(Tiff(16, more={339: (3, (6,))})), "of a kind that is not read"),
    "deep TIFF cut among its tags": (
        given("a.tif", lambda _: Tiff(16).written(RAMP)[:-30]),
        "damaged or cut short",
    ),
    "deep TIFF of 60000 x 60000": (
        tiff(Tiff(16, more={256: (4, (60_000,)), 257: (4, (60_000,))}, tile=(16, 16))),
        "million pixels",
    ),
}
ALL = DAMAGED | HUGE | MISLABELLED | DEEP


@pytest.mark.parametrize("name", ALL)
def test_picture(name: str, place: Place) -> None:
    verify(ALL[name], place)
