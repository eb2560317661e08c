"""Pictures as the bytes of a file: PNG, JPEG or WebP, with the texts inside."""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, cast

from PIL.PngImagePlugin import PngInfo

from overpaint.errors import UsageError
from overpaint.images.metadata import SEGMENT, exif, nested, packed, segments
from overpaint.images.picture import Picture, flattened, to_pil

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = {"JPEG": 95, "WEBP": 90}
SIDES = {"JPEG": 65_500, "WEBP": 16_383}
"""The longest side these formats can hold, in pixels."""
SHARP = 90  # from this quality on colours keep their full resolution
LONG = 2_000  # characters; longer texts inside a recipe stay out of the short form


def format_of(path: str | Path) -> str:
    """The format a name stands for.

    Raises:
        UsageError: the name ends like none that is written.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise UsageError(
            "Pictures are written as PNG, JPEG or WebP; choose a name ending in .png, .jpg or .webp "
            f"instead of {path.name!r}."
        )
    return FORMATS[path.suffix.lower()]


def lossy(path: str | Path, quality: int | None = None) -> bool:
    """Whether a file of that name does not give the pixels back exactly."""
    kind = format_of(path)
    return kind == "JPEG" or (kind == "WEBP" and (quality or QUALITY[kind]) < 100)


def holds_alpha(path: str | Path) -> bool:
    """Whether a file of that name can be transparent."""
    return format_of(path) != "JPEG"


def check_quality(path: str | Path, quality: int | None) -> None:
    """Refuse a quality that is none, or that the format does not have."""
    if quality is None:
        return
    if format_of(path) == "PNG":
        raise UsageError("A PNG loses nothing, so it has no quality; leave it out or write JPEG or WebP.")
    if not 1 <= quality <= 100:
        raise UsageError(f"The quality must be a whole number from 1 to 100, not {quality}.")


def check_side(path: str | Path, size: tuple[int, int]) -> None:
    """Refuse a picture that is larger than its format allows."""
    kind = format_of(path)
    if max(size) > SIDES.get(kind, max(size)):
        raise UsageError(
            f"A {'WebP' if kind == 'WEBP' else kind} holds at most {SIDES[kind]} pixels a side, and the "
            f"picture has {max(size)}; write a PNG."
        )


def encode_picture(
    picture: Picture,
    path: str | Path,
    text: Mapping[str, str] | None = None,
    *,
    quality: int | None = None,
    background: str = "white",
) -> bytes:
    """The bytes of a file of that name; the same input gives the same bytes.

    A JPEG holds no transparency: what is transparent shows the background there.
    """
    kind, text = format_of(path), text or {}
    check_quality(path, quality)
    check_side(path, picture.size)
    if kind == "PNG":
        return encode_png(picture, text)
    return (
        encode_jpeg(flattened(picture, background), text, quality)
        if kind == "JPEG"
        else encode_webp(picture, text, quality)
    )


def encode_png(picture: Picture, text: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a PNG file."""
    chunks, buffer = PngInfo(), BytesIO()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    more = {"exif": exif("", picture.info.credit)} if picture.info.credit else {}
    to_pil(picture).save(buffer, "PNG", pnginfo=chunks, icc_profile=picture.info.icc, **more)
    return buffer.getvalue()


def encode_jpeg(picture: Picture, text: Mapping[str, str], quality: int | None) -> bytes:
    """The bytes of a JPEG file; texts too long for one segment go into several."""
    written, buffer, more = packed(text) if text else "", BytesIO(), b""
    told = exif(written, picture.info.credit)
    if len(told) > SEGMENT:
        more, told = segments(written), exif(packed(shortened(text)), picture.info.credit)
        told = told if len(told) <= SEGMENT else exif("", picture.info.credit)
    quality = quality or QUALITY["JPEG"]
    fine: dict[str, Any] = {"subsampling": "4:4:4"} if quality >= SHARP else {}
    to_pil(picture).save(
        buffer, "JPEG", quality=quality, optimize=True, icc_profile=picture.info.icc, exif=told, **fine
    )
    data = buffer.getvalue()
    start = after_header(data)
    return data[:start] + more + data[start:]


def after_header(data: bytes) -> int:
    """Where further segments may stand in a JPEG: behind its mark, its JFIF header and its EXIF."""
    at = 2
    while data[at : at + 2] in (b"\xff\xe0", b"\xff\xe1"):
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def encode_webp(picture: Picture, text: Mapping[str, str], quality: int | None) -> bytes:
    """The bytes of a WebP file; quality 100 loses nothing."""
    buffer, quality = BytesIO(), quality or QUALITY["WEBP"]
    told = exif(packed(text) if text else "", picture.info.credit)
    to_pil(picture).save(
        buffer,
        "WEBP",
        quality=quality,
        lossless=quality == 100,
        exact=True,  # colours under full transparency are kept too
        icc_profile=picture.info.icc or b"",
        exif=told,
    )
    return buffer.getvalue()


def shortened(text: Mapping[str, str]) -> dict[str, str]:
    """Texts without the long strings inside them, such as a source picture: those who look see the rest."""
    return {
        name: json.dumps(without_long(made)) if isinstance(made := nested(value), dict) else value[:LONG]
        for name, value in text.items()
    }


def without_long(made: Any) -> Any:
    """The same object, long strings left out at any depth."""
    if isinstance(made, dict):
        pairs = cast(dict[str, Any], made).items()
        return {name: without_long(value) for name, value in pairs if not is_long(value)}
    return made


def is_long(value: Any) -> bool:
    """Whether a value is a long string."""
    return isinstance(value, str) and len(value) > LONG
