"""Masks as runs: COCO's two forms and PIE-Bench's list, and what is wrong with those that are none."""

import json

import numpy as np
import pytest

from overpaint.errors import UsageError
from overpaint.images.runs import is_runs, mask_from_json

WHITE = np.zeros((3, 4), bool)
WHITE[1:, 1:3] = True


def white(said: object, size: tuple[int, int] = (3, 4)) -> np.ndarray:
    return mask_from_json(json.dumps(said).encode(), size, "m.json").rgb[..., 0] == 255


def test_coco_goes_down_columns_and_pie_bench_along_rows() -> None:
    counts = [4, 2, 1, 2, 3]
    assert np.array_equal(white({"size": [3, 4], "counts": counts}), WHITE)
    assert np.array_equal(white({"segmentation": {"size": [3, 4], "counts": counts}}), WHITE)
    assert np.array_equal(white([5, 2, 9, 2]), WHITE)


def packed(counts: list[int]) -> str:
    """Written anew from the layout's description."""
    out = ""
    for k, count in enumerate(counts):
        value = count - (counts[k - 2] if k > 2 else 0)
        while True:
            five, value = value & 31, value >> 5
            more = not (value == (-1 if five & 16 else 0))
            out += chr(48 + (five | (32 if more else 0)))
            if not more:
                break
    return out


def test_packed_counts_are_the_same_runs() -> None:
    rng = np.random.default_rng(1)
    big = rng.random((70, 50)) < 0.02
    flat = np.concatenate([[False], big.T.ravel(), [not big.T.ravel()[-1]]])
    counts = np.diff(np.flatnonzero(np.diff(flat.astype(int)) != 0), prepend=0).tolist()
    counts = [int(c) for c in counts]
    if flat[1]:
        counts[0] = 0
    assert sum(counts) == big.size
    assert np.array_equal(white({"size": [70, 50], "counts": packed(counts)}, (70, 50)), big)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"size": [3, 4], "counts": [4, 2]}, "cover 6 pixels and its size says 3 x 4"),
        ({"size": [3], "counts": [4, 2]}, "is no mask"),
        ({"counts": [4, 2]}, "is no mask"),
        ({"size": [3, 4], "counts": [4, -2, 10]}, "no run of pixels"),
        ({"size": [3, 4], "counts": "~~"}, "damaged"),
        ([5, 2, 9], "do not fit 4 x 3"),
        ([5, 200], "do not fit"),
        ([], "is no mask"),
        ("x", "is no mask"),
    ],
)
def test_what_is_none_is_said(said: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        white(said)


def test_json_is_told_from_pictures() -> None:
    assert is_runs(b' \n{"size"') and is_runs(b"[1,2]") and not is_runs(b"\x89PNG")
    with pytest.raises(UsageError, match="is no JSON"):
        mask_from_json(b"{1", (3, 4), "m.json")


def test_an_annotation_may_lie_deep() -> None:
    deep = b'{"mask":' * 900
    with pytest.raises(UsageError, match="is no mask"):
        mask_from_json(deep + b"1" + b"}" * 900, (3, 4), "It")
    found = mask_from_json(deep + b"[5, 2]" + b"}" * 900, (3, 4), "It")
    assert found.rgb.any()
