"""Writing a PNG: a whole file or none, and never over another one unless asked."""

import errno
import os
import secrets
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from PIL.PngImagePlugin import PngInfo

from overpaint.errors import UsageError
from overpaint.images.picture import Picture, to_pil

NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


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
    """Write beside the final name, flush to disk, then move there in one stroke."""
    path = check_output(path, overwrite=overwrite)
    draft = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        write_flushed(draft, data)
        (os.replace if overwrite else place_new)(draft, path)
        flush_folder(path.parent)
    except FileExistsError:
        raise taken(path) from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); choose another place.") from None
    finally:
        draft.unlink(missing_ok=True)
    return path


def write_flushed(path: Path, data: bytes) -> None:
    """Create a file, which must be new, and wait until the disk has it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def place_new(draft: Path, path: Path) -> None:
    """Give the draft its final name only if nobody has taken it, however close the race."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        # Without hard links the name is reserved by an empty file first.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        os.replace(draft, path)


def flush_folder(folder: Path) -> None:
    """Make the new name itself durable, where the system allows it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def taken(path: Path) -> UsageError:
    """The error for a name that exists."""
    return UsageError(f"{path} exists already; choose another name or allow overwriting.")
