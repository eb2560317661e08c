"""The TIFFs that Pillow reads wrong or not at all: numbers of other depths, samples in separate planes.

Only what a file stores is found here, as numbers; `overpaint.images.depth` says what they look like. The
bytes of compressed pieces are unpacked by libtiff, which is told that they are plain bytes: it never writes
more than it was told to expect, so nothing unfolds beyond the limits.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from overpaint.images.depth import Numbers, Odd

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL = 256, 257, 258, 259, 262, 266
STRIPS, SAMPLES, ROWS, STRIP_BYTES, PLANAR, PREDICTOR = 273, 277, 278, 279, 284, 317
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT, LEAST, MOST = (
    322,
    323,
    324,
    325,
    338,
    339,
    340,
    341,
)
RELIED = frozenset(
    {
        WIDTH,
        HEIGHT,
        BITS,
        COMPRESSION,
        PHOTOMETRIC,
        FILL,
        STRIPS,
        SAMPLES,
        ROWS,
        STRIP_BYTES,
        PLANAR,
        PREDICTOR,
    }
    | {TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT}
)
"""Tags that decide what the numbers are."""
MARKS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
"""How a TIFF begins, in either byte order, and in the form for very large files."""
PLAIN = 1
PACKED = {5: "LZW", 8: "Deflate", 32946: "Deflate", 32773: "PackBits", 34925: "LZMA", 50000: "Zstandard"}
"""Compressions of bytes; others are of pictures and belong to Pillow."""
PIECES = 100_000
"""More strips or tiles than this are made to keep a decoder busy."""
SHARE = 16
"""Bytes that the numbers of a pixel may take: four samples of 32 bits."""
PLAINLY = (1, 2)
"""Colours that need no turning round: zero is black."""
PALETTE, SUBSAMPLED = 3, 6
"""Colours that only Pillow reads: numbers of a table, and light apart from colour."""
KINDS: Mapping[int, Literal["u", "i", "f"]] = {1: "u", 2: "i", 3: "f", 4: "u"}
WIDTHS = {"u": range(1, 65), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
REVERSED = bytes(int(f"{one:08b}"[::-1], 2) for one in range(256))


class Large(Exception):
    """The picture is beyond the limits."""


@dataclass(frozen=True)
class Layout:
    """How the first picture of a file lies in it."""

    size: tuple[int, int]
    samples: int
    bits: int
    kind: Literal["u", "i", "f"]
    order: Literal["<", ">"]
    tags: Mapping[int, Any]
    several: bool
    """Whether further pictures follow."""

    @property
    def planes(self) -> int:
        """How many planes there are, each with a share of the samples."""
        return self.samples if self.tags.get(PLANAR, 1) == 2 else 1

    @property
    def inside(self) -> int:
        """Samples that stand together in a plane."""
        return self.samples // self.planes

    @property
    def piece(self) -> tuple[int, int]:
        """Height and width of a strip or tile."""
        height, width = self.size
        if TILES in self.tags:
            return number(self.tags, TILE_HEIGHT), number(self.tags, TILE_WIDTH)
        return min(number(self.tags, ROWS, height), height), width

    @property
    def row(self) -> int:
        """Bytes of a row of a piece."""
        return (self.piece[1] * self.inside * self.bits + 7) // 8


def tags_of(data: bytes) -> tuple[Mapping[int, Any], Literal["<", ">"], bool]:
    """The tags of the first picture, the byte order, and whether further pictures follow.

    Raises:
        ValueError: a tag that decides what the numbers mean is cut off; Pillow would go on without it.
    """
    large = data[2:3] == b"+" or data[3:4] == b"+"
    order: Literal["<", ">"] = "<" if data[:2] == b"II" else ">"
    found = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if large else 8])
    stream, first = BytesIO(data), found.next
    stream.seek(first)
    found.load(stream)
    if any(tag not in found for tag in named(data, first, order, large) if tag in RELIED):
        raise ValueError("a tag has no value")
    return found, order, found.next not in (0, first)


def named(data: bytes, first: int, order: str, large: bool) -> list[int]:
    """The tags that the list at a place announces; an error where the list itself is cut off."""
    head, each = (8, 20) if large else (2, 12)
    (count,) = struct.unpack_from(f"{order}{'Q' if large else 'H'}", data, first)
    if first + head + each * count > len(data):
        raise ValueError("the list of tags is cut off")
    return [struct.unpack_from(f"{order}H", data, first + head + each * k)[0] for k in range(count)]


def distrusted(data: bytes) -> Layout | None:
    """How a TIFF lies in its file if Pillow cannot be trusted with it; nothing for all other files.

    Raises:
        Odd: it is sound, and of a kind that is not read.
        ValueError: it is damaged.
    """
    return layout_of(*tags_of(data)) if data[:4] in MARKS else None


def misread(tags: Mapping[int, Any]) -> bool:
    """Whether Pillow has opened a TIFF of these tags and gives other numbers than it holds."""
    try:
        layout = layout_of(tags, "<", False)
    except ValueError:
        return True
    if layout is None:
        return False
    right = (layout.kind, layout.bits) in (("u", 16), ("f", 32)) and layout.planes == 1
    return not right or tags.get(PHOTOMETRIC) not in PLAINLY


def layout_of(tags: Mapping[int, Any], order: Literal["<", ">"], several: bool) -> Layout | None:
    """The same from its tags."""
    samples = number(tags, SAMPLES, 1)
    bits, kinds = (values(tags, tag, 1) for tag in (BITS, FORMAT))
    pictures = tags.get(COMPRESSION, PLAIN) not in (PLAIN, *PACKED)  # JPEG, fax: of eight bits, or of one
    shallow = len({*bits}) == 1 and bits[0] in (1, 2, 4, 8) and {*kinds} <= {1, 4}
    usual = samples == 1 or (bits[0] == 8 and tags.get(PLANAR, 1) != 2)
    own = pictures or tags.get(PHOTOMETRIC) in (PALETTE, SUBSAMPLED)
    if shallow and (own or (usual and tags.get(FILL, 1) == 1)):
        return None
    if pictures:
        raise Odd("is compressed in a way that is not read at its depth; save it as PNG.")
    kind = KINDS.get(kinds[0])
    if kind is None or len({*bits}) > 1 or len({*kinds}) > 1 or bits[0] not in WIDTHS[kind]:
        raise Odd("holds numbers of a kind that is not read; save it with 8 or 16 bits a channel.")
    return Layout((number(tags, HEIGHT), number(tags, WIDTH)), samples, bits[0], kind, order, tags, several)


def number(tags: Mapping[int, Any], tag: int, default: int | None = None) -> int:
    """A tag that must be a whole number from 1 on."""
    found = tags.get(tag, default)
    if not isinstance(found, int) or found < 1:
        raise ValueError(f"tag {tag} is {found!r}")
    return found


def values(tags: Mapping[int, Any], tag: int, default: int) -> tuple[int, ...]:
    """A tag that has a whole number for each sample, or one for all."""
    found = tags.get(tag, (default,))
    one = cast(tuple[Any, ...], found) if isinstance(found, tuple) else (found,)
    if not one or not all(isinstance(each, int) for each in one):
        raise ValueError(f"tag {tag} is {found!r}")
    return one


def check_amount(layout: Layout, pixels: int) -> None:
    """Hold the limits before anything is decoded.

    Raises:
        Large: there are more pixels, or their numbers would take more memory than so many pixels may.
    """
    height, width = layout.size
    bytes_each = layout.samples * max(1, (layout.bits + 7) // 8)
    if height * width > pixels or height * width * bytes_each > SHARE * pixels:
        raise Large
    tall, wide = layout.piece
    if tall * wide > 4 * max(height * width, 2**20):  # tiles may reach beyond the picture, but not so far
        raise Large


def numbers_of(layout: Layout, data: bytes) -> Numbers:
    """The numbers of a file: height, width, samples.

    Raises:
        ValueError: the file is damaged.
    """
    (height, width), (tall, wide) = layout.size, layout.piece
    across, down = -(-width // wide), -(-height // tall)
    pieces = located(layout, data, across * down * layout.planes)
    whole: Numbers | None = None
    for k, piece in enumerate(unpacked(layout, data, pieces)):
        plane, place = divmod(k, across * down)
        top, left = place // across * tall, place % across * wide
        rows, columns = min(tall, height - top), min(wide, width - left)
        found = numbered(layout, piece)
        if whole is None:
            whole = np.empty((height, width, layout.samples), found.dtype)
        start = plane * layout.inside
        whole[top : top + rows, left : left + columns, start : start + layout.inside] = found[:rows, :columns]
    if whole is None:
        raise ValueError("no strips or tiles")
    return whole


def located(layout: Layout, data: bytes, count: int) -> list[bytes]:
    """The bytes of every strip or tile, as they stand in the file."""
    tiled = TILES in layout.tags
    starts = values(layout.tags, TILES if tiled else STRIPS, 0)
    lengths = layout.tags.get(TILE_BYTES if tiled else STRIP_BYTES)
    if lengths is None and count == 1 and layout.tags.get(COMPRESSION, PLAIN) == PLAIN:
        lengths = (layout.row * layout.piece[0],)
    sizes = cast(tuple[int, ...], lengths if isinstance(lengths, tuple) else (lengths,))
    if len(starts) < count or len(sizes) < count or count > PIECES:
        raise ValueError("strips or tiles are missing")
    pieces = [data[start : start + size] for start, size in zip(starts[:count], sizes[:count], strict=True)]
    if any(len(piece) != size for piece, size in zip(pieces, sizes, strict=False)):
        raise ValueError("the file ends too early")
    return pieces


def unpacked(layout: Layout, data: bytes, pieces: Sequence[bytes]) -> Iterator[bytes]:
    """The bytes of every piece without compression, each a whole number of rows."""
    tall, fill = layout.piece[0], layout.tags.get(FILL, 1)
    packing = layout.tags.get(COMPRESSION, PLAIN)
    per_plane = len(pieces) // layout.planes
    for k, piece in enumerate(pieces):
        last = (k + 1) % per_plane == 0 and TILES not in layout.tags
        rows = layout.size[0] - tall * (per_plane - 1) if last else tall
        if packing == PLAIN:
            piece = piece.translate(REVERSED) if fill == 2 else piece
        else:
            piece = unfolded(piece, packing, fill, rows, layout.row)
        if len(piece) < rows * layout.row:
            raise ValueError("a strip or tile is too short")
        yield piece[: rows * layout.row]


def unfolded(piece: bytes, packing: int, fill: int, rows: int, row: int) -> bytes:
    """What libtiff makes of a compressed piece that is told to be a picture of plain bytes."""
    told = {
        **{WIDTH: row, HEIGHT: rows, BITS: 8, COMPRESSION: packing, PHOTOMETRIC: 1, FILL: fill},
        **{STRIPS: 0, SAMPLES: 1, ROWS: rows, STRIP_BYTES: len(piece)},
    }
    told[STRIPS] = 8 + 2 + 12 * len(told) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(told.items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(told)) + entries + bytes(4)
    # Not by Image.open: its limit counts pixels, and these are bytes.
    return TiffImagePlugin.TiffImageFile(BytesIO(head + piece)).tobytes()


def numbered(layout: Layout, piece: bytes) -> Numbers:
    """The numbers in the bytes of a piece: rows, columns, samples."""
    shape = (-1, layout.piece[1], layout.inside)
    predictor = layout.tags.get(PREDICTOR, 1)
    rows = np.frombuffer(piece, np.uint8).reshape(-1, layout.row)
    if predictor == 3 and layout.kind == "f":
        return unpredicted_reals(rows, layout)
    if layout.bits in (8, 16, 32, 64):
        own = np.dtype(f"{layout.order}{layout.kind}{layout.bits // 8}")
        found = rows.reshape(-1).view(own).astype(own.newbyteorder("=")).reshape(shape)
        if predictor == 2:
            whole = found.view(f"u{layout.bits // 8}")
            return np.cumsum(whole, axis=1, dtype=whole.dtype).view(found.dtype)
        return found
    if predictor != 1:
        raise Odd("is compressed in a way that is not read at its depth; save it as PNG.")
    return narrow(rows, layout.bits, layout.piece[1] * layout.inside).reshape(shape)


def unpredicted_reals(rows: NDArray[np.uint8], layout: Layout) -> Numbers:
    """Floating-point numbers of which the file holds differences, byte by byte, the first bytes first."""
    width, each = layout.piece[1] * layout.inside, layout.bits // 8
    steps = rows.reshape(len(rows), -1, layout.inside)
    whole = np.cumsum(steps, axis=1, dtype=np.uint8).reshape(len(rows), each, width)
    own = np.ascontiguousarray(whole.transpose(0, 2, 1)).view(f">f{each}")
    return own.astype(f"=f{each}").reshape(len(rows), layout.piece[1], layout.inside)


def narrow(rows: NDArray[np.uint8], bits: int, count: int) -> Numbers:
    """Numbers that do not fill whole bytes: the first bit of a byte counts most, and rows begin anew."""
    kind = np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32 if bits <= 32 else np.uint64
    found = np.empty((len(rows), count), kind)
    for k, row in enumerate(rows):
        single = np.unpackbits(row)[: count * bits].reshape(count, bits)
        value = np.zeros(count, kind)
        for bit in range(bits):
            value = (value << kind(1)) | single[:, bit]
        found[k] = value
    return found


def sound(data: bytes) -> bool:
    """Whether the file is a whole TIFF, be its picture of a kind that is read or not."""
    try:
        tags = tags_of(data)[0]
        whole = number(tags, WIDTH) * number(tags, HEIGHT) > 0
        tiled = TILES in tags
        starts, sizes = (
            values(tags, TILES if tiled else STRIPS, 0),
            values(tags, TILE_BYTES if tiled else STRIP_BYTES, 0),
        )
    except Exception:  # a damaged header fails in many ways
        return False
    return whole and all(
        0 < start and start + size <= len(data) for start, size in zip(starts, sizes, strict=False)
    )
