"""Picture files that are not what they seem, or far more than they seem."""

import struct
import zlib
from collections.abc import Callable

import pytest

from tests.corpus.kit import Args, Case, Fine, Place, png, saved, verify


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
ALL = DAMAGED | HUGE | MISLABELLED


@pytest.mark.parametrize("name", ALL)
def test_picture(name: str, place: Place) -> None:
    verify(ALL[name], place)
