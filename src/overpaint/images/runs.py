"""Masks as lengths of runs in JSON: the layout of COCO, its packed form, and the flat list of PIE-Bench."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from overpaint.errors import UsageError
from overpaint.images.masking import Weights
from overpaint.images.picture import Picture

MOST = 50_000_000
"""Pixels: as many as a picture may have."""
FORMS = '{"size": [height, width], "counts": [...]} of COCO, or the list of PIE-Bench'
Runs = Mapping[str, Any] | Sequence[int]


def is_runs(data: bytes) -> bool:
    """Whether bytes are JSON rather than a picture."""
    return data[:64].lstrip()[:1] in (b"{", b"[")


def mask_from_json(data: bytes, size: tuple[int, int], name: str) -> Picture:
    """White where the runs say so; ``size`` is that of the picture, for lists that do not say theirs.

    Raises:
        UsageError: it is no JSON, or no mask.
    """
    try:
        said: object = json.loads(data)
    except (ValueError, RecursionError):
        raise UsageError(f"{name} is no JSON; a mask is a picture, or {FORMS}.") from None
    return mask_from_runs(said, size, name)


def mask_from_runs(said: object, size: tuple[int, int], name: str = "The mask") -> Picture:
    """The same from what JSON holds: an object of COCO (columns first), or a list of starts and lengths.

    COCO's counts are runs of black and white in turn, from the first pixel down each column. PIE-Bench lists
    the start and the length of each white run, along rows.

    Raises:
        UsageError: it is neither, or its runs do not fill the picture.
    """
    said = innermost(said)
    if isinstance(said, dict):
        return picture_of(columns(cast("dict[str, Any]", said), name))
    if isinstance(said, list) and said:
        return picture_of(rows(whole(cast("list[Any]", said), name), size, name))
    raise UsageError(f"{name} is no mask; give {FORMS}.")


def innermost(said: object) -> object:
    """What is inside an annotation that says more than its mask, however deep."""
    while isinstance(said, dict):
        told = cast("dict[str, object]", said)
        inside = next((one for one in ("segmentation", "rle", "mask") if one in told), None)
        if inside is None or "counts" in told:
            break
        said = told[inside]
    return cast(object, said)


def columns(told: Mapping[str, Any], name: str) -> Weights:
    """COCO's object as yes and no."""
    given: Any = told.get("size")
    if not (isinstance(given, list) and len(cast("list[Any]", given)) == 2 and "counts" in told):
        raise UsageError(f"{name} is no mask; give {FORMS}.")
    height, width = whole(cast("list[Any]", given), name)
    counts = told["counts"]
    runs = unpacked(counts, name) if isinstance(counts, str) else whole(counts, name)
    if not 0 < height * width <= MOST or sum(runs) != height * width:
        raise UsageError(
            f"The runs of {name} cover {sum(runs)} pixels and its size says {height} x {width}; it is "
            "damaged."
        )
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
    return flat.reshape(width, height).T


def rows(runs: Sequence[int], size: tuple[int, int], name: str) -> Weights:
    """The flat list of PIE-Bench as yes and no."""
    flat = np.zeros(size[0] * size[1], np.uint8)
    pairs = list(zip(runs[::2], runs[1::2], strict=False))
    if len(runs) % 2 or any(start + length > len(flat) for start, length in pairs):
        raise UsageError(
            f"The runs of {name} do not fit {size[1]} x {size[0]} pixels; it belongs to another picture."
        )
    for start, length in pairs:
        flat[start : start + length] = 1
    return flat.reshape(size)


def whole(values: object, name: str) -> list[int]:
    """Whole numbers from 0 on.

    Raises:
        UsageError: something else.
    """
    several: list[Any] = cast("list[Any]", values) if isinstance(values, list) else [None]
    if any(not isinstance(one, int) or isinstance(one, bool) or not 0 <= one <= MOST for one in several):
        raise UsageError(f"{name} holds something that is no run of pixels; give {FORMS}.")
    return several


def unpacked(text: str, name: str) -> list[int]:
    """COCO's packed counts: six bits a letter from ``0`` on, each run after the second as a difference.

    Five bits are the number's, lowest first, the sixth says that it goes on, and the highest bit of the last
    five is its sign. A difference is to the run two before, which has its colour.
    """
    runs, place = list[int](), 0
    while place < len(text):
        value, shift, more = 0, 0, True
        while more:
            code = ord(text[place]) - 48 if place < len(text) else -1
            if not 0 <= code < 64 or shift > 30:
                raise UsageError(f"The packed runs of {name} are damaged; save the mask again.")
            value |= (code & 31) << shift
            more, place, shift = bool(code & 32), place + 1, shift + 5
            if not more and code & 16:
                value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
    return whole(runs, name)


def picture_of(white: Weights) -> Picture:
    """Yes and no as white and black."""
    return Picture(np.repeat((white * np.uint8(255))[..., None], 3, axis=2))
