"""Reading a picture: whatever is wrong is one sentence, and limits hold before anything is decoded."""

import stat
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import RLock

from PIL import Image, ImageOps, PngImagePlugin

from overpaint.errors import UsageError
from overpaint.images.channels import PALETTES, channels
from overpaint.images.credit import credit_of
from overpaint.images.depth import Odd
from overpaint.images.metadata import texts_of
from overpaint.images.photometric import image_of
from overpaint.images.picture import Info, Picture
from overpaint.images.tiff import MARKS, Large, check_amount, distrusted, numbers_of, sound
from overpaint.images.unfinished import NOTE, completed

READABLE = {"PNG": "PNG", "JPEG": "JPEG", "WEBP": "WebP", "TIFF": "TIFF", "BMP": "BMP", "GIF": "GIF"}
ONE = "only its first {} is used"
PHONE = "MPO"  # what many phones write: a JPEG with more behind it
KINDS = "PNG, JPEG, WebP, TIFF, BMP or GIF"
UNPACKED = 4 * 2**20
"""Bytes that a text or profile inside a PNG may unpack to: profiles of printers have up to three million."""
SCANS = 500
"""A JPEG of more passes than this is made to keep a decoder busy: progressive ones have about ten."""
OURS = (
    (b"\x89PNG\r\n\x1a\n", 0),
    (b"\xff\xd8", 0),
    (b"GIF8", 0),
    (b"WEBP", 8),
    *((mark, 0) for mark in MARKS),
)
OTHERS = (
    (b"ftypavif", 4, "AVIF"),
    (b"ftyphei", 4, "HEIC"),
    (b"ftypmif1", 4, "HEIC"),
    (b"%PDF", 0, "PDF"),
    (b"<svg", 0, "SVG"),
    (b"8BPS", 0, "Photoshop"),
)
PILLOW = RLock()  # Pillow has one limit for the whole process


@dataclass(frozen=True)
class Limits:
    """The largest file and the largest picture that are read."""

    bytes: int = 64 * 2**20
    pixels: int = 50_000_000


def load_picture(path: str | Path, *, limits: Limits | None = None) -> Picture:
    """Read a PNG, JPEG, WebP, TIFF, BMP or GIF file: upright, as eight-bit RGB, transparency apart.

    Of several frames or pages the first is read, and the picture's notes say so. Raises `UsageError` where
    there is no file, no permission, no picture, a broken or unknown one, or one beyond the limits.
    """
    return decode_picture(read_bytes(Path(path), limits or Limits()), str(path), limits=limits)


def read_bytes(path: Path, limits: Limits) -> bytes:
    """The content of a regular file no larger than the limit."""
    check_file(path, limits)
    with said_of(path), path.open("rb") as file:
        data = file.read(limits.bytes + 1)
    if len(data) > limits.bytes:
        raise too_long(path, limits)
    return data


def check_file(path: Path, limits: Limits) -> None:
    """Refuse what is no regular file, may not be read, or is larger than the limit; nothing is read yet."""
    with said_of(path):
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UsageError(f"{path} is a folder; name a picture inside it.")
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is not a file; name a {KINDS} file.")
        if found.st_size > limits.bytes:
            raise too_long(path, limits)
        path.open("rb").close()


@contextmanager
def said_of(path: Path) -> Generator[None, None, None]:
    """What goes wrong with a file as a sentence."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"There is no file {path}; check its name.") from None
    except PermissionError:
        raise UsageError(f"{path} may not be read; check its permissions.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); check the disk and the name.") from None


def decode_picture(data: bytes, name: str, *, limits: Limits | None = None) -> Picture:
    """Decode the bytes of a file; `name` is what errors call it."""
    limits = limits or Limits()
    if not data:
        raise UsageError(f"{name} is empty (0 bytes); save the picture again.")
    if len(data) > limits.bytes:
        raise too_long(name, limits)
    with within(limits):
        distrusted = deep(data, name, limits)
        if distrusted is not None:
            return finished(*distrusted, name)
        return decoded(opened(data, name, limits), data, name)


@contextmanager
def within(limits: Limits) -> Generator[None, None, None]:
    """Pillow's own limits set to ours, so that it neither warns nor refuses earlier; set back afterwards."""
    with PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns where this module raises
        before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK
        Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = limits.pixels, UNPACKED
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = before


def deep(data: bytes, name: str, limits: Limits) -> tuple[Image.Image, tuple[str, ...]] | None:
    """A TIFF that Pillow cannot be trusted with, in eight bits, and what is to be said of it."""
    try:
        layout = distrusted(data)
        if layout is None:
            return None
        check_amount(layout, limits.pixels)
        image, notes = image_of(layout, numbers_of(layout, data))
    except Odd as error:
        raise UsageError(f"{name} {error}") from None
    except Large:
        raise too_large(name, limits) from None
    except Exception as error:  # a damaged file fails in many ways
        raise broken(name, error) from None
    image.format = "TIFF"
    return image, ((ONE.format("page"),) if layout.several else ()) + notes


def opened(data: bytes, name: str, limits: Limits) -> Image.Image:
    """The header of the picture, checked; nothing is decoded yet."""
    try:
        image = Image.open(BytesIO(data), formats=list(READABLE))
    except Image.UnidentifiedImageError:
        kind = "is a TIFF of a kind that is not read; save it as PNG."
        raise UsageError(f"{name} {kind if sound(data) else unknown(data)}") from None
    except Image.DecompressionBombError:
        raise too_large(name, limits) from None
    except Exception as error:  # a damaged header makes Pillow's readers fail in many ways
        raise broken(name, error) from None
    if image.width * image.height > limits.pixels:
        raise too_large(name, limits)
    if image.format in ("JPEG", PHONE) and data.count(b"\xff\xda") > SCANS:
        raise UsageError(f"{name} is a JPEG of more than {SCANS} passes; save it again.")
    return image


def decoded(image: Image.Image, data: bytes, name: str) -> Picture:
    """The pixels of an opened file, and what it says about them."""
    notes: tuple[str, ...] = ()
    try:
        several = bool(getattr(image, "is_animated", False)) and image.format != PHONE
        image.load()
    except Exception as error:  # a damaged body makes Pillow's decoders fail in many ways
        whole = completed(data) if image.format in ("JPEG", PHONE) else None
        if whole is None:
            raise broken(name, error) from None
        image, several, notes = Image.open(BytesIO(whole), formats=["JPEG"]), False, (NOTE,)
        image.load()
    first = ONE.format("page" if image.format == "TIFF" else "frame")
    return finished(image, (first, *notes) if several else notes, name)


def finished(image: Image.Image, notes: tuple[str, ...], name: str) -> Picture:
    """The pixels, turned upright once, and what the file says about them."""
    try:
        text, credit = texts_of(image), credit_of(image)
        found = channels(turned(image))
    except Odd as error:
        raise UsageError(f"{name} {error}") from None
    except Exception as error:  # damage that shows when colours are converted
        raise broken(name, error) from None
    kind = READABLE.get(image.format or "", "JPEG")
    said = tuple(f"Of {name}: {note}." for note in (*notes, *found.notes))
    return Picture(found.rgb, found.alpha, Info(kind, text, found.icc, credit, said, image.mode in PALETTES))


def turned(image: Image.Image) -> Image.Image:
    """The picture as the camera meant it; orientation that cannot be read is taken as upright."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF is often damaged, and the pixels are fine without it
        return image


def unknown(data: bytes) -> str:
    """What to say about bytes that are no picture that is read."""
    for mark, start, name in OTHERS:
        if data[start : start + len(mark)] == mark:
            return f"is {name}, which is not read; convert it to {KINDS}."
    bitmap = data[:2] == b"BM" and data[6:10] == bytes(4)
    if bitmap or any(data[start : start + len(mark)] == mark for mark, start in OURS):
        return "is damaged or cut short; save or download it again."
    return f"is not a picture; name a {KINDS} file."


def broken(name: str, error: Exception) -> UsageError:
    """The error for a picture that cannot be decoded."""
    if isinstance(error, ValueError) and "MAX_TEXT" in str(error):
        return UsageError(f"{name} holds a text or colour profile that unpacks to many megabytes; remove it.")
    return UsageError(f"{name} is damaged or cut short; save or download it again.")


def too_large(name: str, limits: Limits) -> UsageError:
    """The error for a picture with too many pixels."""
    return UsageError(
        f"{name} has more than {limits.pixels / 1e6:g} million pixels; scale it down or raise --max-pixels "
        "(limits in Python)."
    )


def too_long(name: str | Path, limits: Limits) -> UsageError:
    """The error for a file of too many bytes."""
    return UsageError(
        f"{name} is larger than {limits.bytes / 2**20:.3g} MiB; save it smaller or raise --max-bytes "
        "(limits in Python)."
    )
