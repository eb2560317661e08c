"""Files that appear whole or not at all: written beside their place, flushed, moved there in one stroke.

Whatever this package writes goes through here. A process that is killed leaves at most a draft, which is
known by its name and swept by a later write.
"""

import errno
import glob
import os
import secrets
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

PART = ".part"
"""How the names of drafts end; they begin with a dot and the name of what they would have become."""
STALE = 3600.0
"""Seconds after which a draft that nobody wrote to belongs to nobody any more."""
LONGEST = 100
"""Bytes of a file's name in that of its draft: names have 255 at most, and a letter has up to four."""
NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK}


def write(path: Path, data: bytes, *, new: bool = False) -> None:
    """Write a whole file, through a link to what it points to; ``new`` refuses to replace one in any race.

    Raises:
        FileExistsError: ``new``, and somebody has the name.
        OSError: it cannot be written; what was there before is still there.
    """
    path = path if new else meant(path)
    sweep(path.parent, path.name)
    draft = draft_of(path)
    try:
        write_flushed(draft, data)
        (place_new if new else os.replace)(draft, path)
        flush_folder(path.parent)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def drafted(path: Path) -> Generator[Path, None, None]:
    """The name of a draft for somebody else to write a file to; it takes the place of ``path`` afterwards.

    Raises:
        OSError: it cannot be flushed or moved; what was there before is still there.
    """
    path = meant(path)
    sweep(path.parent, path.name)
    draft = draft_of(path)
    try:
        yield draft
        flush(draft)
        os.replace(draft, path)
        flush_folder(path.parent)
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


@contextmanager
def drafted_folder(path: Path) -> Generator[Path, None, None]:
    """A folder to fill, which takes the place of ``path`` once it is full.

    Folders cannot be exchanged in one stroke everywhere: a kill between two renames leaves none in that
    place, never a mixture.

    Raises:
        OSError: something cannot be flushed or moved; what was there before is still there.
    """
    path = meant(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft, old = draft_of(path), draft_of(path)
    try:
        draft.mkdir()
        yield draft
        for one in (*draft.rglob("*"), draft):
            flush_folder(one) if one.is_dir() else flush(one)
        if path.exists():
            os.replace(path, old)
        os.replace(draft, path)
        flush_folder(path.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        if old.exists() and not path.exists():  # the second rename failed, or was not reached
            os.replace(old, path)


def append(path: Path, line: str) -> None:
    """Add a line to a log in one write, so that a kill leaves it whole or absent.

    Raises:
        OSError: it cannot be written, or for want of room not to its end; nothing of it is left then.
    """
    handle, data = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), f"{line}\n".encode()
    try:
        before = os.fstat(handle).st_size
        if os.write(handle, data) < len(data):
            os.ftruncate(handle, before)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(handle)


def meant(path: Path) -> Path:
    """What a link points to, so that a new file does not take the place of the link itself."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def draft_of(path: Path) -> Path:
    """A name nobody has, in the same folder, so that the move is one stroke."""
    return path.with_name(f"{start_of(path.name)}{secrets.token_hex(6)}{PART}")


def start_of(name: str) -> str:
    """How the names of a file's drafts begin: with as much of its own as a system has room for."""
    return f".{os.fsencode(name)[:LONGEST].decode('utf-8', 'ignore')}."


def sweep(folder: Path, name: str | None = None, age: float = STALE) -> None:
    """Remove drafts of killed processes: of all files of a folder, or of one."""
    mine = "" if name is None else glob.escape(start_of(name))
    for rest in folder.glob(f"{mine}*{PART}"):
        with suppress(OSError):
            if time.time() - rest.stat().st_mtime > age:
                rest.unlink()


def write_flushed(path: Path, data: bytes) -> None:
    """Create a file, which must be new, and wait until the disk has it."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def flush(path: Path) -> None:
    """Wait until the disk has a file that somebody else wrote."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
    """Make a new name itself durable, where the system allows it."""
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
