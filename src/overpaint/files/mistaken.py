"""Files that are not what their name says: pointers, web pages, nothing at all, answers of a server."""

import json
from pathlib import Path
from typing import Any, cast

from overpaint.errors import UsageError

LOOK = 1024
"""Bytes from the beginning that are looked at."""
_ARCHIVES = {b"\x1f\x8b": "gzip", b"7z\xbc\xaf": "7z", b"Rar!": "rar", b"\xfd7zXZ": "xz", b"BZh": "bzip2"}


def check_content(path: Path, text: bool = False) -> None:
    """Refuse a file that is something else than weights, or, with ``text``, than settings and words.

    Raises:
        UsageError: it cannot be read, is empty, or is one of the usual mistakes; the sentence says which.
    """
    try:
        with path.open("rb") as file:
            head = file.read(LOOK)
    except FileNotFoundError:
        raise UsageError(f"There is no file {path}.") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "its name is none"
        raise UsageError(f"{path} cannot be read ({reason}); see who may read it.") from None
    found = mistake(head, text)
    if found:
        raise UsageError(f"{path} {found}.")


def mistake(head: bytes, text: bool = False) -> str:
    """What the first bytes of a file show it to be by mistake, and what to do; else nothing."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return "is empty; get it again"
    if start.startswith(b"version https://git-lfs.github.com/spec"):
        return "is a Git-LFS pointer, which stands for the file; get the file itself with: git lfs pull"
    if start[:1] == b"<" and any(
        mark in start.lower() for mark in (b"<html", b"<!doctype", b"<head", b"<?xml")
    ):
        return (
            "is a web page, such as one to log in or of an error; get the file itself, logged in if need be"
        )
    kind = next((kind for mark, kind in _ARCHIVES.items() if head.startswith(mark)), "")
    if kind:
        return f"is a packed archive ({kind}); unpack it and give what is inside"
    if not text and _is_prose(head):
        return "holds text and no weights, such as what a server answered instead; get it again"
    return ""


def _is_prose(head: bytes) -> bool:
    """Whether all of the first bytes are text; the length that weights begin with has zeros in it."""
    return not any(byte < 9 or 13 < byte < 32 for byte in head)


def read_json(file: Path) -> dict[str, Any]:
    """What a file of settings says.

    Raises:
        UsageError: it cannot be read, is something else, or holds no settings.
    """
    check_content(file, text=True)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"The file {file} cannot be read ({error.strerror}); see who may read it.") from None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UsageError(f"The file {file} holds no settings in JSON; take it from the model's maker again.")
    return cast(dict[str, Any], found)
