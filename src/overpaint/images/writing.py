"""Writing a PNG: a whole file or none, and never over another one unless asked."""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from overpaint import atomic
from overpaint.errors import UsageError
from overpaint.images.picture import Picture, to_pil


def save_png(
    picture: Picture, path: str | Path, text: Mapping[str, str] | None = None, *, overwrite: bool = False
) -> Path:
    """Write a picture with its text chunks and give its path back.

    The file appears complete or not at all. Raises `UsageError` where the name is taken and `overwrite` is
    false, does not end in .png, or cannot be written.
    """
    return write_whole(path, encode_png(picture, text or {}), overwrite=overwrite)


def encode_png(picture: Picture, text: Mapping[str, str] | None = None) -> bytes:
    """The bytes of a PNG file; the same picture and text give the same bytes."""
    chunks, buffer = PngInfo(), BytesIO()
    for key, value in (text or {}).items():
        chunks.add_text(key, value)
    to_pil(picture).save(buffer, "PNG", pnginfo=chunks, icc_profile=picture.info.icc)
    return buffer.getvalue()


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Refuse a bad output name before any work is done."""
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(
            f"Pictures are written as PNG; choose a name ending in .png instead of {path.name!r}."
        )
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder; choose the name of a file.")
    if not os.path.isdir(path.parent):
        raise UsageError(f"There is no folder {path.parent}; create it or choose another name.")
    if named(path) and not overwrite:
        raise taken(path)
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise UsageError(f"The folder {path.parent} may not be written to; choose another.")
    return path


def named(path: Path) -> bool:
    """Whether something has this name, be it a link to nowhere; an error for names no system takes."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise UsageError(f"{path.name[:40]!r} cannot be the name of a file ({error}).") from None
    return True


def write_whole(path: str | Path, data: bytes, *, overwrite: bool) -> Path:
    """Write a picture file whole or not at all; see `overpaint.atomic`."""
    path = check_output(path, overwrite=overwrite)
    try:
        atomic.write(path, data, new=not overwrite)
    except FileExistsError:
        raise taken(path) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); choose another place.") from None
    return path


def taken(path: Path) -> UsageError:
    """The error for a name that exists."""
    return UsageError(f"{path} exists already; choose another name or allow overwriting.")
