"""What the corpus of bad input shares: a place to make it in, and the one check all of it must pass.

A case is a maker of arguments and what must come of them: a clean success, or one sentence in which certain
words occur, with exit code 2. Either way nothing is overwritten, nothing is executed, and nothing but the
output asked for appears. ``python -m tests.corpus`` counts the cases.
"""

import hashlib
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from tests.cli.kit import SOURCE, TARGET, overpaint, save_picture

Args = list[str | Path]
TINY = ("--steps", "1")
"""Enough work to show that an input is taken."""


class Fine:
    """Marks a case that must succeed."""


@dataclass(frozen=True)
class Place:
    """A folder of its own, a good picture in it, a model that must not be touched, one that may be."""

    tmp: Path
    picture: Path
    model: Path

    @property
    def sentinel(self) -> Path:
        """A file that appears only if something in a case was executed."""
        return self.tmp.parent / f"{self.tmp.name}-executed"

    def edit(self, *more: str | Path, source: str = SOURCE, target: str = TARGET) -> Args:
        """An edit of the good picture."""
        prompts = ("--source", source, "--target", target)
        return ["edit", self.picture, *prompts, "--model", self.model, *TINY, *more]

    def of(self, picture: Path | str, *more: str | Path) -> Args:
        """An edit of another picture, written to a name of its own."""
        prompts = ("--source", SOURCE, "--target", TARGET)
        out = ("-o", self.tmp / "out.png")
        return ["edit", picture, *prompts, "--model", self.model, *TINY, *out, *more]

    def by(self, model: Path | str, *more: str | Path) -> Args:
        """An edit of the good picture by another model."""
        prompts = ("--source", SOURCE, "--target", TARGET)
        return ["edit", self.picture, *prompts, "--model", model, *TINY, *more]

    def file(self, name: str, data: bytes) -> Path:
        """A file of these bytes."""
        path = self.tmp / name
        path.write_bytes(data)
        return path

    def link(self, name: str, goal: str | Path) -> Path:
        """A symbolic link."""
        path = self.tmp / name
        path.symlink_to(goal)
        return path

    def copied(self, name: str) -> Path:
        """The good picture under another name."""
        return Path(shutil.copyfile(self.picture, self.tmp / name))

    def own_model(self) -> Path:
        """A copy of the model, to be damaged."""
        return Path(shutil.copytree(self.model, self.tmp / "model"))

    def model_without(self, part: str) -> Path:
        """A copy of the model that lacks a folder or the files of a pattern."""
        copy = self.own_model()
        for found in copy.glob(part):
            shutil.rmtree(found) if found.is_dir() else found.unlink()
        return copy

    def taken(self, name: str) -> Path:
        """A picture under a name that is asked for again."""
        return save_picture(self.tmp / name)


Case = tuple[Callable[[Place], Args], str | type[Fine]]


def state(folder: Path) -> dict[str, str]:
    """Everything in a folder but the cache, as hashes; links and pipes by what they are."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        if "cache" in path.parts or path.is_dir():
            continue
        plain = path.is_file() and not path.is_symlink()
        content = path.read_bytes() if plain and os.access(path, os.R_OK) else b"-"
        found[str(path.relative_to(folder))] = hashlib.sha256(content).hexdigest()
    return found


def verify(case: Case, place: Place) -> None:
    """Run it and hold it against what must come of it."""
    make, expected = case
    args = make(place)
    before = state(place.tmp)
    said = overpaint(*args)
    after = state(place.tmp)
    assert "Traceback" not in said.err + said.out
    assert not place.sentinel.exists(), "something in the input was executed"
    if isinstance(expected, str):
        assert expected in said.err, said.err or said.out
        assert (said.code, said.out) == (2, ""), said.err
        assert said.err.count("\n") == 1
        assert after == before
    else:
        assert said.code == 0, said.err
        assert {name: after[name] for name in before} == before
        assert len(after) == len(before) + ("-o" in args or args[0] in ("edit", "invert"))


def png(width: int, height: int, *chunks: tuple[bytes, bytes], body: bytes = b"") -> bytes:
    """A PNG file with any header, extra chunks and compressed body."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    whole = (
        (b"IHDR", header),
        *chunks,
        (b"IDAT", body or zlib.compress(b"\0" * (1 + 3 * min(width, 8)) * min(height, 8))),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*one) for one in whole)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def saved(kind: str, mode: str = "RGB", size: int = 32, **more: object) -> bytes:
    """A small picture in any format and mode."""
    y, x = np.mgrid[0:size, 0:size]
    grey = Image.fromarray(((x * 5 + y * 2) % 256).astype(np.uint8))
    stream = BytesIO()
    grey.convert("RGB").convert(mode).save(stream, kind, **more)
    return stream.getvalue()
