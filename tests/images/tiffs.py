"""TIFF files written by hand from the specification, so that no reader is tested against itself."""

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK = 0, 1, 2, 5
FORMATS = {"u": 1, "i": 2, "f": 3}
SHORT, LONG, UNDEFINED, FLOAT, DOUBLE = 3, 4, 7, 11, 12
LETTERS = {SHORT: "H", LONG: "I", UNDEFINED: "B", FLOAT: "f", DOUBLE: "d"}


@dataclass(frozen=True)
class Tiff:
    """How a file shall store its numbers."""

    bits: int = 16
    kind: Literal["u", "i", "f"] = "u"
    photometric: int = BLACK_IS_ZERO
    order: Literal["<", ">"] = "<"
    tile: tuple[int, int] | None = None
    rows: int | None = None
    planes: bool = False
    compressed: bool = False
    predicted: bool = False
    reversed: bool = False
    orientation: int | None = None
    extra: tuple[int, ...] = ()
    icc: bytes | None = None
    more: Mapping[int, tuple[int, tuple[Any, ...]]] = field(default_factory=dict[int, Any])

    def written(self, numbers: NDArray[Any]) -> bytes:
        """The file of these numbers: height, width, samples."""
        numbers = numbers[..., None] if numbers.ndim == 2 else numbers
        height, width, samples = numbers.shape
        pieces = [self.packed(piece) for piece in self.pieces(numbers)]
        tags: dict[int, tuple[int, tuple[Any, ...]]] = {
            256: (LONG, (width,)),
            257: (LONG, (height,)),
            258: (SHORT, (self.bits,) * samples),
            259: (SHORT, (8 if self.compressed else 1,)),
            262: (SHORT, (self.photometric,)),
            277: (SHORT, (samples,)),
            284: (SHORT, (2 if self.planes else 1,)),
            339: (SHORT, (FORMATS[self.kind],) * samples),
            **self.more,
        }
        if self.tile:
            tags |= {322: (LONG, self.tile[1:]), 323: (LONG, self.tile[:1])}
        else:
            tags[278] = (LONG, (self.rows or height,))
        if self.predicted:
            tags[317] = (SHORT, (3 if self.kind == "f" else 2,))
        if self.reversed:
            tags[266] = (SHORT, (2,))
        if self.orientation:
            tags[274] = (SHORT, (self.orientation,))
        if self.extra:
            tags[338] = (SHORT, self.extra)
        if self.icc:
            tags[34675] = (UNDEFINED, tuple(self.icc))
        return self.laid_out(tags, pieces)

    def pieces(self, numbers: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """The strips or tiles, plane by plane; tiles are filled up with their own edge."""
        height, width, samples = numbers.shape
        tall, wide = self.tile or (self.rows or height, width)
        planes = [numbers[..., k : k + 1] for k in range(samples)] if self.planes else [numbers]
        for plane, top, left in product(planes, range(0, height, tall), range(0, width, wide)):
            piece = plane[top : top + tall, left : left + wide]
            if self.tile:
                missing = ((0, tall - piece.shape[0]), (0, wide - piece.shape[1]), (0, 0))
                piece = np.pad(piece, missing, mode="edge")
            yield piece

    def packed(self, piece: NDArray[Any]) -> bytes:
        """The bytes of a strip or tile."""
        rows = [self.row(row) for row in piece]
        data = b"".join(rows)
        data = zlib.compress(data) if self.compressed else data
        return bytes(int(f"{one:08b}"[::-1], 2) for one in data) if self.reversed else data

    def row(self, row: NDArray[Any]) -> bytes:
        """The bytes of one row of a piece: columns, samples."""
        if self.bits not in (8, 16, 32, 64):
            digits = "".join(f"{int(one):0{self.bits}b}" for one in row.reshape(-1))
            digits += "0" * (-len(digits) % 8)
            return bytes(int(digits[k : k + 8], 2) for k in range(0, len(digits), 8))
        kind = np.dtype(f"{self.order}{self.kind}{self.bits // 8}")
        if self.predicted and self.kind == "f":
            return self.differences_of_reals(row)
        row = row.astype(kind)
        if self.predicted:
            whole = row.astype(f"u{self.bits // 8}")
            whole[1:] -= whole[:-1].copy()
            row = whole.astype(np.dtype(f"{self.order}u{self.bits // 8}"))
        return row.tobytes()

    def differences_of_reals(self, row: NDArray[Any]) -> bytes:
        """Technical note 3: the first bytes of all numbers, then the second, and of these the differences."""
        split = row.astype(f">f{self.bits // 8}").reshape(-1, 1).view(np.uint8).T.reshape(-1).copy()
        samples = row.shape[1]
        split[samples:] -= split[:-samples].copy()
        return split.tobytes()

    def laid_out(self, tags: dict[int, tuple[int, tuple[Any, ...]]], pieces: list[bytes]) -> bytes:
        """Header, pieces, values that do not fit into their entries, and the entries."""
        body = bytearray((b"II*\0" if self.order == "<" else b"MM\0*") + bytes(4))
        starts: list[int] = []
        for piece in pieces:
            starts.append(len(body))
            body += piece + b"\0" * (len(piece) % 2)
        places, sizes = (324, 325) if self.tile else (273, 279)
        tags |= {places: (LONG, tuple(starts)), sizes: (LONG, tuple(map(len, pieces)))}
        entries: list[bytes] = []
        for tag, (kind, values) in sorted(tags.items()):
            packed = struct.pack(f"{self.order}{len(values)}{LETTERS[kind]}", *values)
            if len(packed) > 4:
                packed, place = packed + b"\0" * (len(packed) % 2), len(body)
                body += packed
                packed = struct.pack(f"{self.order}I", place)
            head = struct.pack(f"{self.order}HHI", tag, kind, len(values))
            entries.append(head + packed.ljust(4, b"\0"))
        body[4:8] = struct.pack(f"{self.order}I", len(body))
        return bytes(body + struct.pack(f"{self.order}H", len(entries)) + b"".join(entries) + bytes(4))
