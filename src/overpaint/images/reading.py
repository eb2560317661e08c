"""Reading a picture: whatever is wrong is one sentence, and limits hold before anything is decoded."""

import stat
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from overpaint.errors import UsageError
from overpaint.images.picture import RGB, Alpha, Info, Picture

READABLE = {"PNG": "PNG", "JPEG": "JPEG", "MPO": "JPEG"}  # many phones write MPO: a JPEG with more behind it
KEEPS_PROFILE = {"RGB", "RGBA", "P"}  # a profile made for other channels would be wrong for RGB
OTHERS = (
    (b"GIF8", 0, "GIF"),
    (b"WEBP", 8, "WebP"),
    (b"BM", 0, "BMP"),
    (b"II*\0", 0, "TIFF"),
    (b"MM\0*", 0, "TIFF"),
    (b"ftypavif", 4, "AVIF"),
    (b"ftyphei", 4, "HEIC"),
    (b"ftypmif1", 4, "HEIC"),
    (b"%PDF", 0, "PDF"),
    (b"<svg", 0, "SVG"),
    (b"8BPS", 0, "Photoshop"),
)


@dataclass(frozen=True)
class Limits:
    """The largest file and the largest picture that are read."""

    bytes: int = 64 * 2**20
    pixels: int = 50_000_000


def load_picture(path: str | Path, *, limits: Limits | None = None) -> Picture:
    """Read a PNG or JPEG file: upright, as eight-bit RGB, transparency apart.

    Raises `UsageError` where there is no file, no permission, no picture, a broken or unknown one, or one
    beyond the limits.
    """
    return decode_picture(read_bytes(Path(path), limits or Limits()), str(path), limits=limits)


def read_bytes(path: Path, limits: Limits) -> bytes:
    """The content of a regular file no larger than the limit."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UsageError(f"{path} is a folder; name a picture inside it.")
        if not stat.S_ISREG(mode):
            raise UsageError(f"{path} is not a file; name a PNG or JPEG file.")
        with path.open("rb") as file:
            data = file.read(limits.bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"There is no file {path}; check its name.") from None
    except PermissionError:
        raise UsageError(f"{path} may not be read; check its permissions.") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error}); check the disk and the name.") from None
    if len(data) > limits.bytes:
        raise UsageError(f"{path} is larger than {limits.bytes / 2**20:.3g} MiB; save it smaller.")
    return data


def decode_picture(data: bytes, name: str, *, limits: Limits | None = None) -> Picture:
    """Decode the bytes of a PNG or JPEG file; `name` is what errors call it."""
    if not data:
        raise UsageError(f"{name} is empty (0 bytes); save the picture again.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns where this module raises
        image = opened(data, name, limits or Limits())
        return decoded(image, name)


def opened(data: bytes, name: str, limits: Limits) -> Image.Image:
    """The header of the picture, checked; nothing is decoded yet."""
    try:
        image = Image.open(BytesIO(data), formats=["PNG", "JPEG"])
    except Image.UnidentifiedImageError:
        raise UsageError(f"{name} {unknown(data)}") from None
    except Image.DecompressionBombError:
        raise too_large(name, limits) from None
    except Exception:  # a damaged header makes Pillow's readers fail in many ways
        raise broken(name) from None
    if image.width * image.height > limits.pixels:
        raise too_large(name, limits)
    return image


def decoded(image: Image.Image, name: str) -> Picture:
    """The pixels, turned upright once."""
    try:
        image.load()
        text = {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
        upright = turned(image)
        rgb, alpha = channels(upright)
    except Exception:  # a damaged body makes Pillow's decoders fail in many ways
        raise broken(name) from None
    icc = image.info.get("icc_profile") if image.mode in KEEPS_PROFILE else None
    return Picture(rgb, alpha, Info(READABLE[image.format or ""], text, icc))


def turned(image: Image.Image) -> Image.Image:
    """The picture as the camera meant it; orientation that cannot be read is taken as upright."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF is often damaged, and the pixels are fine without it
        return image


def channels(image: Image.Image) -> tuple[RGB, Alpha | None]:
    """Eight-bit colours and the alpha channel, whatever the file stored."""
    if image.mode.startswith("I"):
        return deep_grey(image)
    if "transparency" in image.info or image.mode in ("RGBA", "LA"):
        rgba = np.array(image.convert("RGBA"))
        return np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3])
    return np.array(image.convert("RGB")), None


def deep_grey(
    image: Image.Image,
) -> tuple[RGB, Alpha | None]:
    """Sixteen-bit grey, rounded to eight; Pillow's own conversion clips instead."""
    deep = np.array(image).astype(np.int64)
    grey = np.clip((deep + 128) // 257, 0, 255).astype(np.uint8)
    clear = image.info.get("transparency")
    alpha = None if clear is None else np.where(deep == clear, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2), alpha


def unknown(data: bytes) -> str:
    """What to say about bytes that are neither PNG nor JPEG."""
    for mark, start, name in OTHERS:
        if data[start : start + len(mark)] == mark:
            return f"is a {name} file; convert it to PNG or JPEG."
    if data[:8] == b"\x89PNG\r\n\x1a\n" or data[:2] == b"\xff\xd8":
        return "is damaged or cut short; save or download it again."
    return "is not a picture; name a PNG or JPEG file."


def broken(name: str) -> UsageError:
    """The error for a picture that cannot be decoded."""
    return UsageError(f"{name} is damaged or cut short; save or download it again.")


def too_large(name: str, limits: Limits) -> UsageError:
    """The error for a picture with too many pixels."""
    return UsageError(f"{name} has more than {limits.pixels / 1e6:g} million pixels; scale it down first.")
