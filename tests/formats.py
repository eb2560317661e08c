"""What becomes of each kind of picture file: measured on real files, printed as the tables of the docs.

python -m tests.formats
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from overpaint.images import Picture, decode_picture, encode_picture, fit, paste_back, pixels_hash
from overpaint.images.encoding import SIDES
from overpaint.images.recipe import KEY
from tests.images.kit import EXIF, GPS, SECRET, SRGB, camera_exif, encoded, smooth
from tests.images.tiffs import Tiff

SIZE = (48, 64)
CLEAR = Image.fromarray(np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)))
NAMES = {"PNG": "a.png", "JPEG": "a.jpg", "WebP": "a.webp", "WebP, quality 100": "a.webp"}


@dataclass(frozen=True)
class Kind:
    """A kind of file that people have."""

    name: str
    data: bytes


def kinds() -> Iterator[Kind]:
    """One file of each kind, with everything beside the pixels that its format can hold."""
    image, grey = smooth(), smooth().convert("L")
    second, clear = Image.new("RGB", image.size, "navy"), image.copy()
    clear.putalpha(CLEAR)
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    camera: dict[str, Any] = {"exif": camera_exif(), "icc_profile": SRGB}
    turned: dict[str, Any] = {"exif": camera_exif(6), "icc_profile": SRGB}
    texts = PngInfo()
    texts.add_text("Author", "A. Author")
    texts.add_text("Copyright", "(c) A. Author")
    sideways = image.transpose(Image.Transpose.ROTATE_90)
    yield Kind("PNG", encoded(image, "PNG", **camera))
    yield Kind("PNG with author and notice as texts", encoded(image, "PNG", pnginfo=texts, icc_profile=SRGB))
    yield Kind("PNG with transparency", encoded(clear, "PNG", **camera))
    yield Kind("PNG, grey of 16 bits", encoded(deep, "PNG"))
    yield Kind("PNG with a palette", encoded(image.quantize(256), "PNG", icc_profile=SRGB))
    yield Kind("JPEG", encoded(image, "JPEG", quality=95, **camera))
    yield Kind("JPEG taken sideways", encoded(sideways, "JPEG", quality=95, **turned))
    yield Kind("JPEG without its end marker", encoded(image, "JPEG", quality=95, **camera)[:-2])
    yield Kind("JPEG, CMYK", encoded(image.convert("CMYK"), "JPEG", quality=95))
    yield Kind("JPEG, grey", encoded(grey, "JPEG", quality=95, exif=camera_exif()))
    yield Kind("WebP with transparency", encoded(clear, "WEBP", lossless=True, exact=True, **camera))
    yield Kind("WebP, animated", encoded(image, "WEBP", save_all=True, append_images=[second], lossless=True))
    yield Kind("TIFF", encoded(smooth(), "TIFF", **camera))
    yield Kind("TIFF of several pages", encoded(smooth(), "TIFF", save_all=True, append_images=[second]))
    yield Kind("TIFF, grey of 16 bits", encoded(deep, "TIFF"))
    numbers = np.asarray(grey).astype(np.uint16)
    planes = np.asarray(image).astype(np.uint16) * 257
    yield Kind("TIFF, grey of 12 bits, white is zero", Tiff(12, photometric=0).written(numbers * 16))
    yield Kind("TIFF, 16 bits in separate planes", Tiff(16, "u", 2, planes=True, icc=SRGB).written(planes))
    yield Kind("TIFF, floating-point numbers", Tiff(32, "f", 2, icc=SRGB).written(np.asarray(image) / 255))
    yield Kind("TIFF, whole numbers of 32 bits up to 255", encoded(grey.convert("I"), "TIFF"))
    yield Kind("TIFF, Lab", encoded(Image.new("LAB", image.size, (128, 128, 128)), "TIFF"))
    yield Kind("BMP", encoded(image, "BMP"))
    yield Kind("GIF, animated", encoded(image, "GIF", save_all=True, append_images=[second]))


def read_rows() -> Iterator[tuple[str, ...]]:
    """What reading, fitting and pasting back keeps of each kind."""
    yield ("file", "upright, size", "transparency", "profile", "author, notice", "dropped", "said")
    for kind in kinds():
        picture = decode_picture(kind.data, "it")
        fitted = fit(picture, 64)
        back = paste_back(fitted.tensor, fitted, picture)
        written = encode_picture(back, "a.png")
        yield (
            kind.name,
            "yes" if back.size == SIZE else "no",
            transparency(picture, back),
            stays(profiled(kind.data), back.info.icc == SRGB),
            stays(b"A. Author" in kind.data, len(back.info.credit) == 2),
            ", ".join(dropped(kind.data, written) if b"Maker" in kind.data else ()) or "—",
            "; ".join(note.removeprefix("Of it: ").rstrip(".") for note in picture.info.notes) or "—",
        )


def transparency(picture: Picture, back: Picture) -> str:
    """Whether it comes back as it was."""
    if picture.alpha is None:
        return "—"
    return "kept" if back.alpha is not None and np.array_equal(back.alpha, picture.alpha) else "lost"


def profiled(data: bytes) -> bool:
    """Whether a file holds a colour profile: as it is in a TIFF, packed in others."""
    return SRGB in data or (b"II*" != data[:3] and "icc_profile" in Image.open(BytesIO(data)).info)


def stays(was: bool, now: bool) -> str:
    """What became of something the file had or had not."""
    return ("kept" if now else "dropped") if was else "—"


def dropped(before: bytes, after: bytes) -> Iterator[str]:
    """What about the camera is in the first file and not in the second."""
    ours, theirs = (Image.open(BytesIO(data)).getexif() for data in (after, before))
    if theirs.get_ifd(GPS) and not ours.get_ifd(GPS):
        yield "place"
    if theirs.get_ifd(EXIF) and not ours.get_ifd(EXIF) and SECRET not in after:
        yield "serial number, maker's note, date"
    if 0x010F in theirs and 0x010F not in ours:
        yield "camera"


def write_rows() -> Iterator[tuple[str, ...]]:
    """What each format that is written gives back."""
    yield (
        "written",
        "pixels",
        "transparency",
        "profile",
        "author, notice",
        "recipe of 2 kB",
        "of 300 kB",
        "longest side",
    )
    rgb = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    camera = decode_picture(encoded(smooth(), "PNG", exif=camera_exif(), icc_profile=SRGB), "it")
    noise = Picture(rgb, np.asarray(CLEAR), camera.info)
    for name, place in NAMES.items():
        quality = 100 if "100" in name else None
        found = decode_picture(encode_picture(noise, place, quality=quality), place)
        opaque = decode_picture(encode_picture(camera, place, quality=quality), place)
        yield (
            name,
            "exact" if same(found, noise) else "close" if decibels(opaque, camera) > 38 else "rough",
            "laid on the background" if found.alpha is None else "kept",
            stays(True, found.info.icc == SRGB),
            stays(True, len(found.info.credit) == 2),
            *(recipe_survives(noise, place, size, quality) for size in (2_000, 300_000)),
            str(SIDES.get(name.partition(",")[0].upper(), "any")),
        )


def same(one: Picture, other: Picture) -> bool:
    """Whether all pixels are equal."""
    return pixels_hash(one) == pixels_hash(other)


def decibels(one: Picture, other: Picture) -> float:
    """Peak signal to noise ratio."""
    error = np.square(one.rgb.astype(float) - other.rgb).mean()
    return float(10 * np.log10(255**2 / error))


def recipe_survives(picture: Picture, place: str, size: int, quality: int | None) -> str:
    """Whether a recipe of that many bytes is read back."""
    text = {KEY: '{"version": 1, "png": "' + "A" * size + '"}'}
    found = decode_picture(encode_picture(picture, place, text, quality=quality), place).info.text
    return "kept" if len(found.get(KEY, "")) >= size else "lost"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows as a table of Markdown; the first is the heading."""
    head, *body = rows
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *body))


def report() -> str:
    """Both tables."""
    return f"{table(list(read_rows()))}\n\n{table(list(write_rows()))}"


if __name__ == "__main__":
    print(report())
