"""Masks that are not black and white, or that are none."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.corpus.kit import Args, Case, Fine, Place, verify
from tests.images.kit import encoded
from tests.images.tiffs import WHITE_IS_ZERO, Tiff

INSIDE = np.zeros((32, 32), bool)
INSIDE[8:24, 8:24] = True
ONES = INSIDE.astype(np.uint8)


def mask(data: Callable[[], bytes], *more: str) -> Callable[[Place], Args]:
    return lambda p: p.edit("--mask", p.file("mask", data()), *more)


def drawn(levels: NDArray[Any], *more: str) -> Callable[[Place], Args]:
    return mask(lambda: encoded(Image.fromarray(levels), "PNG"), *more)


def palette(colours: list[int]) -> Callable[[Place], Args]:
    image = Image.frombytes("P", (32, 32), ONES.tobytes())
    image.putpalette(colours)
    return mask(lambda: encoded(image, "PNG"))


MASKS: dict[str, Case] = {
    "zero and one": (drawn(ONES), Fine),
    "zero and one in 16 bits": (drawn(ONES.astype(np.uint16)), Fine),
    "yes and no in one bit": (mask(lambda: encoded(Image.fromarray(INSIDE), "PNG")), Fine),
    "16 bits whose white is zero": (mask(lambda: Tiff(16, photometric=WHITE_IS_ZERO).written(ONES)), Fine),
    "floats": (mask(lambda: Tiff(32, "f").written(ONES)), Fine),
    "a palette of greys": (palette([0, 0, 0, 255, 255, 255]), Fine),
    "red on black": (drawn(np.stack([ONES * 255, ONES * 0, ONES * 0], -1)), Fine),
    "a JPEG": (mask(lambda: encoded(Image.fromarray(ONES * 255), "JPEG", quality=30)), Fine),
    "a palette of classes": (palette([0, 0, 0, 128, 0, 0]), "made of a palette's colours, such as #800000"),
    "numbers of classes": (drawn(ONES * 3), "its lightest pixel is 3 of 255"),
    "black": (drawn(ONES * 0), "black everywhere"),
    "another size": (drawn(ONES[:16] * 255), "make them equal"),
    "a feather wider than it": (
        drawn(ONES * 255, "--feather", "60"),
        "is wider than what the mask",
    ),
    "no picture": (mask(lambda: b"white"), "is not a picture"),
}


@pytest.mark.parametrize("name", MASKS)
def test_mask(name: str, place: Place) -> None:
    verify(MASKS[name], place)
