"""What a safetensors file says about itself, believed only as far as the file bears it out.

Eight bytes give the length of a JSON header, the header gives type, shape and place of every tensor, and the
rest of the file must be exactly those tensors.
"""

import errno
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError

from overpaint.errors import UsageError
from overpaint.files.mistaken import check_content

MOST_HEADER = 100 * 2**20
"""Bytes of a header; those of real checkpoints have a few hundred thousand."""
PICKLES = (".ckpt", ".pt", ".pth", ".bin", ".pkl", ".pickle")
"""Suffixes of files that may run code when they are read."""
BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
"""Bytes of one value of a type."""
UNSOUND = (
    *(ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError),
    *(SafetensorError, OSError),
)
"""What reading a stranger's file ends with that is no such file."""
DIRECTION = "overpaint-direction"
"""The name of the text by which a file says that it holds an edit direction."""
LEARNED = "overpaint-learned"
"""The name of the text by which a file says that it holds something learned for edits."""
TUNED = "difference.safetensors"
"""A file in a folder inside a model's: what a network that was tuned from the model's differs by."""


@dataclass(frozen=True)
class Entry:
    """One tensor of a file: its type, its shape, and its bytes, counted from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """The tensors of a file by name, what else it says, and where the tensors begin."""

    entries: Mapping[str, Entry]
    said: Mapping[str, str]
    start: int

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of a tensor; empty where there is none of that name."""
        return self.entries[name].shape if name in self.entries else ()

    def has(self, start: str) -> bool:
        """Whether the name of some tensor begins so."""
        return any(name.startswith(start) for name in self.entries)


def read_header(path: Path) -> Header:
    """The header of a safetensors file, held against the file.

    Raises:
        UsageError: there is no such file, it is of another format, or its header lies.
    """
    raw, size = _raw(path)
    try:
        told = json.loads(raw)
        said = told.pop("__metadata__", {})
        entries = {str(name): _entry(one) for name, one in told.items()}
        said = {str(k): str(v) for k, v in cast(Mapping[Any, Any], said).items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UsageError(
            f"The header of {path} cannot be understood; the file is damaged, so get it again."
        ) from None
    start = 8 + len(raw)
    _hold_against(entries, size - start, path)
    return Header(entries, said, start)


def _raw(path: Path) -> tuple[bytes, int]:
    """The bytes of the header and the size of the file."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{path} is not a file.")
        check_content(path)
        if found.st_size < 8:
            raise UsageError(f"{path} has only {found.st_size} bytes and no weights; get it again.")
        with path.open("rb") as file:
            head = file.read(8)
            length = int.from_bytes(head, "little")
            if length > min(MOST_HEADER, found.st_size - 8):
                raise UsageError(_no_header(path, head, length, found.st_size))
            return file.read(length), found.st_size
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise UsageError(f"{path} cannot be read ({reason}).") from None


def _no_header(path: Path, head: bytes, length: int, size: int) -> str:
    if head[:4] == b"PK\x03\x04" or (head[0] == 0x80 and head[1] in range(2, 6)):
        return (
            f"{path} is a pickle under another name, and pickles may run code; "
            f"overpaint convert writes a safetensors file from it."
        )
    return (
        f"{path} is no whole safetensors file: its header claims {length} bytes and the file has {size}; "
        "get it again."
    )


def _entry(told: Mapping[str, Any]) -> Entry:
    begin, end = (_whole(n) for n in told["data_offsets"])
    return Entry(str(told["dtype"]), tuple(_whole(n) for n in told["shape"]), begin, end)


def _whole(number: object) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("not a size")
    return number


def _hold_against(entries: Mapping[str, Entry], size: int, path: Path) -> None:
    """Every byte behind the header must belong to one tensor, and to one only."""
    place = 0
    for name, one in sorted(entries.items(), key=lambda pair: (pair[1].begin, pair[1].end)):
        if one.dtype not in BYTES:
            raise UsageError(f"{path} holds values of type {one.dtype!r} ({name}), which are not read.")
        if one.end > size:
            raise UsageError(
                f"The header of {path} places {name} behind the end of the file; it is cut short, so get it "
                "again."
            )
        if one.begin != place or one.end - one.begin != prod(one.shape) * BYTES[one.dtype]:
            raise UsageError(
                f"The header of {path} lies about the place or the size of {name}; do not trust the file."
            )
        place = one.end
    if place != size:
        raise UsageError(
            f"{path} holds {size - place} bytes that its header does not name; do not trust the file."
        )


def whole_file(path: Path) -> tuple[bytes, Mapping[str, str]]:
    """What a regular safetensors file holds, and its notes; a pipe would never end, nor would many a device.

    Raises:
        OSError: it is none, or cannot be read.
        Exception: one of `UNSOUND`, where it is no safetensors file or has no notes.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "it is no file with a content of its own")
    data = path.read_bytes()
    return data, json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]


def read_pieces(index: Path) -> Sequence[Path]:
    """The files that an index (``….safetensors.index.json``) says the weights are in.

    Raises:
        UsageError: it cannot be understood, or names a file that is not in its own folder.
    """
    check_content(index, text=True)
    try:
        names = sorted({str(name) for name in json.loads(index.read_text("utf-8"))["weight_map"].values()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise UsageError(f"The index {index} cannot be understood; get the model again.") from None
    for name in names:
        if name in ("", ".", "..") or os.path.basename(name) != name or "\\" in name or "\0" in name:
            raise UsageError(
                f"The index {index} names {name!r}, which is outside its own folder; do not trust the model."
            )
        if not name.endswith(".safetensors"):
            raise UsageError(f"The index {index} names {name!r}, which is no safetensors file.")
        if not (index.parent / name).is_file():
            raise UsageError(f"The index {index} names {name}, which is not there; get the model again.")
    return [index.parent / name for name in names]


def check_folder(folder: Path) -> Sequence[Path]:
    """The weight files of one part of a model, each with a header that holds; pieces by their index.

    Raises:
        UsageError: an index or a header is not to be believed.
    """
    pieces = [piece for index in sorted(folder.glob("*.index.json")) for piece in read_pieces(index)]
    files = sorted({*folder.glob("*.safetensors"), *pieces})
    for file in files:
        read_header(file)
    return files


def base_of(home: Path) -> Path:
    """The folder that holds the other parts of a model: the one above it, if only its difference is kept."""
    return home.absolute().parent if (home / TUNED).is_file() else home


def is_direction(file: Path) -> bool:
    """Whether a file says that it holds an edit direction, whole or not."""
    return _says(file, DIRECTION)


def is_learned(file: Path) -> bool:
    """Whether a file says that it holds something learned for edits, whole or not.

    Words by layer as kohya's tools write them say nothing; the names of their first and last tensor do.
    """
    return _says(file, LEARNED) or (_says(file, "IN01") and _says(file, "OUT11"))


def _says(file: Path, mark: str) -> bool:
    try:
        with file.open("rb") as opened:
            head = opened.read(8 + 4096)
    except (OSError, ValueError):
        return False
    return f'"{mark}"'.encode() in head
