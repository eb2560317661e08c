"""Where pictures lie and go: folders on this machine, or any address that fsspec knows (``s3://…``).

What is on disk is written whole or not at all, as everything else here; a store that takes whole objects does
the same by itself. Nothing is fetched from the web: a picture there has to be downloaded first.
"""

import errno
import os
import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.files.caches import default_folder
from overpaint.images import Limits
from overpaint.images.reading import check_file, read_bytes, too_long
from overpaint.ledger.entry import LedgerError

ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
"""How an address begins that is no path; one letter before a colon is a drive."""
OF_THE_NAME = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EISDIR, errno.ENOTDIR)
"""What the system says of a name that no file can have; anything else will hold for the next name too."""
PIECE = 2**20
WEB = ("http", "https", "ftp", "data")
BESIDE = ".overpaint"
"""The folder beside what comes out that holds the queue."""


def is_far(address: str) -> bool:
    """Whether something lies elsewhere than on this machine's disks."""
    return ADDRESS.match(address) is not None


def checked(address: str) -> str:
    """An address that may be opened; one of a file on disk is made absolute.

    Raises:
        UsageError: it is one of the web, one inside another, or no name at all.
    """
    if not address.strip() or "\0" in address:
        raise UsageError("A name is empty or holds a zero byte; name a file or a folder.")
    if "::" in address and is_far(address):
        raise UsageError(f"The address {address[:80]} leads through another one; unpack it first.")
    if not is_far(address):
        return os.path.abspath(os.path.expanduser(address))
    if address.partition("://")[0].lower() in WEB:
        raise UsageError(f"Nothing is fetched from the web, as {address[:80]} would be; download it first.")
    return address


@dataclass(frozen=True)
class Found:
    """A file in a listing."""

    address: str
    stamp: str
    """Changes when the file does: size and time, or what the store says instead."""


@dataclass(frozen=True)
class Place:
    """A folder to read from or to write to, by its address."""

    address: str

    @staticmethod
    def of(address: str) -> "Place":
        """The folder of an address.

        Raises:
            UsageError: nothing may be opened there.
        """
        address = checked(address)
        return Place(address.rstrip("/") if is_far(address) else address)

    @property
    def far(self) -> bool:
        """Whether it is elsewhere than on this machine."""
        return is_far(self.address)

    def at(self, name: str) -> str:
        """The address of a file inside."""
        return f"{self.address}/{name}" if self.far else str(Path(self.address, name))

    def write(self, name: str, data: bytes, *, overwrite: bool = False) -> None:
        """Write a whole file; folders on the way are made.

        Raises:
            UsageError: there is one of that name and it may not be replaced, or no file can be called so.
            LedgerError: nothing can be written there just now, as on a full disk.
        """
        where = self.at(name)
        try:
            if self.far:
                self._send(where, data, overwrite)
                return
            folder_for(Path(where))
            atomic.write(Path(where), data, new=not overwrite)
        except FileExistsError:
            raise taken(where) from None
        except OSError as error:
            kind = UsageError if error.errno in OF_THE_NAME else LedgerError
            raise kind(
                f"{where} cannot be written ({error.strerror or error}); make room or choose another place, "
                "and go on with the same command."
            ) from None

    def _send(self, where: str, data: bytes, overwrite: bool) -> None:
        try:
            with reached(where) as (files, path):
                if not overwrite and files.exists(path):
                    raise FileExistsError
                files.makedirs(path.rpartition("/")[0], exist_ok=True)
                files.pipe_file(path, data)
        except UsageError as error:
            raise LedgerError(str(error)) from None

    def holds(self, name: str, digest: str) -> bool:
        """Whether a file of that name is there and has just that content (its SHA-256)."""
        found, where = sha256(), self.at(name)
        try:
            with ExitStack() as stack:
                if self.far:
                    files, path = stack.enter_context(reached(where))
                    file = stack.enter_context(files.open(path, "rb"))
                else:
                    file = stack.enter_context(Path(where).open("rb"))
                while piece := file.read(PIECE):
                    found.update(piece)
        except (OSError, UsageError):
            return False
        return found.hexdigest() == digest

    def names(self) -> frozenset[str] | None:
        """All names inside, where one question tells; nothing on disk, where each is asked for by itself."""
        if not self.far:
            return None
        with reached(self.address) as (files, path):
            root = path.rstrip("/") + "/"
            return frozenset(str(one).removeprefix(root) for one in files.find(path))


def folder_for(file: Path) -> None:
    """Make the folders that a file is to lie in.

    Raises:
        NotADirectoryError: one of them is a file.
        OSError: one cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, "a file has the name of its folder") from None


def taken(where: str) -> UsageError:
    """The error for an output that is there already."""
    return UsageError(
        f"{where} exists already, and was not made by this work; choose other names with --name, or say "
        "--overwrite or --skip-existing."
    )


@contextmanager
def reached(address: str) -> Generator[tuple[Any, str], None, None]:
    """The file system of an address and the path in it, its troubles said as sentences.

    Raises:
        UsageError: no such kind of address, or the store refuses.
    """
    kind = address.partition("://")[0]
    try:
        core: Any = import_module("fsspec.core")
        yield core.url_to_fs(address)
    except (UsageError, FileNotFoundError, FileExistsError):
        raise
    except ImportError as error:
        raise UsageError(
            f"Addresses such as {kind}:// need another package ({error}); install it (for S3: pip install "
            "s3fs) and try again."
        ) from None
    except ValueError as error:
        raise UsageError(f"{address[:80]} is no address that can be opened ({error}).") from None
    except Exception as error:  # stores raise what their libraries raise
        said = " ".join(str(error).split())[:160] or type(error).__name__
        raise UsageError(
            f"{address[:80]} cannot be reached ({said}); check name, rights and network."
        ) from None


def read(address: str, limits: Limits) -> bytes:
    """The content of a file no larger than the limit.

    Raises:
        UsageError: there is none, it may not be read, or it is larger.
    """
    if not is_far(address):
        return read_bytes(Path(address), limits)
    try:
        with reached(address) as (files, path), files.open(path, "rb") as file:
            data: bytes = file.read(limits.bytes + 1)
    except FileNotFoundError:
        raise UsageError(f"There is no file {address}; check its name.") from None
    if len(data) > limits.bytes:
        raise too_long(address, limits)
    return data


def stamp_of(address: str, limits: Limits) -> str:
    """What changes when a file on disk does; nothing for one elsewhere, which is asked for when it is read.

    Raises:
        UsageError: there is no such file, it may not be read, or it is larger than the limit.
    """
    if is_far(address):
        return ""
    check_file(Path(address), limits)
    found = os.stat(address)
    return f"{found.st_size}-{found.st_mtime_ns}"


def files_in(address: str) -> Iterator[Found]:
    """All files of a folder and those inside it, in the order of their names; hidden ones are left out.

    Raises:
        UsageError: it cannot be listed.
    """
    if is_far(address):
        with reached(address) as (files, path):
            kind, found = address.partition("://")[0], files.find(path, detail=True)
        for one, told in sorted(found.items()):
            if not any(part.startswith(".") for part in one.removeprefix(path).split("/")):
                yield Found(f"{kind}://{one.lstrip('/')}", stamp_in(told))
        return
    for folder, inside, names in os.walk(address):
        inside[:] = sorted(name for name in inside if not name.startswith("."))
        for name in sorted(names):
            place = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(place):
                told = os.stat(place)
                yield Found(place, f"{told.st_size}-{told.st_mtime_ns}")


def stamp_in(told: Any) -> str:
    """What a store says of a file that changes when the file does."""
    marks = (told.get(name) for name in ("size", "ETag", "etag", "md5", "LastModified", "mtime", "created"))
    return "-".join(str(mark) for mark in marks if mark is not None)


def ledger_folder(out: Place) -> Path:
    """Where the queue of what is written to a folder lies: inside it, or here for a folder elsewhere.

    SQLite needs a disk with locks, which stores of objects are not.
    """
    if not out.far:
        return Path(out.address) / BESIDE
    return default_folder("batches") / sha256(out.address.encode()).hexdigest()[:16]
