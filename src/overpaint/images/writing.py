"""Writing a picture: a whole file or none, and never over another one unless asked."""

import os
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.images.encoding import encode_picture, format_of
from overpaint.images.picture import Picture

MOST_NAMES = 10_000


def save_picture(
    picture: Picture,
    path: str | Path,
    text: Mapping[str, str] | None = None,
    *,
    overwrite: bool = False,
    fresh_name: bool = False,
    quality: int | None = None,
    background: str = "white",
) -> Path:
    """Write a picture with its texts as PNG, JPEG or WebP, by the end of its name, and give its path back.

    The file appears complete or not at all. With ``fresh_name`` a name that is taken gets a number
    (``out-2.png``), also when another process takes it at the same moment.

    Args:
        quality: of a JPEG or WebP, from 1 to 100; 95 and 90 by themselves, and a WebP of 100 loses nothing.
        background: what is transparent shows this colour in a JPEG.

    Raises:
        UsageError: the name is taken and neither ``overwrite`` nor ``fresh_name`` is set, ends in something
            else, or cannot be written; the picture or the quality does not suit the format.
    """
    check_output(path, overwrite=overwrite, fresh_name=fresh_name)
    data = encode_picture(picture, path, text, quality=quality, background=background)
    return write_whole(path, data, overwrite=overwrite, fresh_name=fresh_name)


def check_output(path: str | Path, *, overwrite: bool = False, fresh_name: bool = False) -> Path:
    """Refuse a bad output name before any work is done."""
    path = Path(path)
    if overwrite and fresh_name:
        raise UsageError("Choose one: replace files that exist (overwrite), or pick a fresh name.")
    format_of(path)
    if os.path.isdir(path):
        raise UsageError(f"{path} is a folder; choose the name of a file.")
    if not os.path.isdir(path.parent):
        raise UsageError(f"There is no folder {path.parent}; create it or choose another name.")
    if named(path) and not overwrite and not fresh_name:
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


def write_whole(path: str | Path, data: bytes, *, overwrite: bool, fresh_name: bool = False) -> Path:
    """Write a picture file whole or not at all; see `overpaint.files.atomic`."""
    path = check_output(path, overwrite=overwrite, fresh_name=fresh_name)
    for place in fresh(path) if fresh_name else (path,):
        try:
            atomic.write(place, data, new=not overwrite)
        except FileExistsError:
            continue
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}); choose another place.") from None
        return place
    raise taken(path)


def fresh(path: Path) -> Iterator[Path]:
    """The name itself, then the same with numbers from 2 on; only such as nobody has just now."""
    for number in count(1):
        place = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        if not named(place):
            yield place
        if number == MOST_NAMES:
            return


def taken(path: Path) -> UsageError:
    """The error for a name that exists."""
    return UsageError(f"{path} exists already; choose another name or allow overwriting.")
