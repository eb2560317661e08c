"""A JPEG that lacks its end marker and nothing else, as some programs leave it.

Decoders refuse it, or fill what is missing with grey and say nothing. Whether anything is missing is found
out by other endings: noise behind a scan that is whole changes nothing, and in one that is not it is pixels.
"""

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

END, SCAN, STUFFED, FIRST_RESTART, LAST_RESTART = 0xD9, 0xDA, 0x00, 0xD0, 0xD7
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
NOISES = tuple(np.random.default_rng(0).integers(1, 255, (4, 4096), dtype=np.uint8))
"""Bytes without a marker among them: whatever is cut off, some of them say something else."""
NOTE = "its end marker is missing and was taken as there"
LAST = 63
"""The number of the finest of the 64 waves of a block."""


def completed(data: bytes) -> bytes | None:
    """The file with its end marker, if that is all it lacks."""
    data = data.rstrip(b"\xff")  # the first half of the marker, or what fills up before one
    try:
        if not all_scans(data):
            return None
        noises = [made.tobytes() for noise in NOISES for made in (noise, ~noise)]
        tails = (*noises, bytes((0xFF, next_restart(data))) + noises[0])
        whole = pixels(data)
        same = all(pixels(data + tail) == whole for tail in tails)  # one after another, as they are large
    except Exception:  # damage of other kinds fails in many ways
        return None
    return data + bytes((0xFF, END)) if same else None


def pixels(data: bytes) -> bytes:
    """What is decoded with an end marker set behind."""
    return Image.open(BytesIO(data + bytes((0xFF, END))), formats=["JPEG"]).tobytes()


def next_restart(data: bytes) -> int:
    """The marker with which the next stretch of a scan would begin: they count from 0 to 7 and over again."""
    last = max(range(8), key=lambda k: data.rfind(bytes((0xFF, FIRST_RESTART + k))))
    return FIRST_RESTART + ((last + 1) % 8 if bytes((0xFF, FIRST_RESTART + last)) in data else 0)


def all_scans(data: bytes) -> bool:
    """Whether every wave of every colour was sent to its last bit: a progressive file takes many scans."""
    wanted: set[tuple[int, int]] = set()
    seen, progressive = False, False
    for marker, body in segments(data):
        if marker in FRAMES:
            wanted |= {(body[6 + 3 * k], wave) for k in range(body[5]) for wave in range(LAST + 1)}
            seen, progressive = True, marker in (0xC2, 0xCA)
        elif marker == SCAN:
            colours = [body[1 + 2 * k] for k in range(body[0])]
            first, last, bits = body[-3], body[-2], body[-1] & 15
            waves = range(first, last + 1) if progressive else range(LAST + 1)
            wanted -= {(colour, wave) for colour in colours for wave in waves if not bits}
    return seen and not wanted


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a JPEG; what is coded behind the head of a scan is passed over."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0 and at + 4 <= len(data):
        marker = data[at + 1]
        if marker in (STUFFED, 0xFF) or FIRST_RESTART <= marker <= LAST_RESTART:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == END:
            return
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length
