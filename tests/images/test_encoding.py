from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from tests.images.kit import smooth

from overpaint.errors import UsageError
from overpaint.images import Picture, check_quality, check_side, decode_picture, encode_picture
from overpaint.images.encoding import holds_alpha, lossy

CLEAR = np.linspace(0, 255, 48 * 64).reshape(48, 64).astype(np.uint8)
NOISE = Picture(np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8), CLEAR)


@pytest.mark.parametrize(("name", "quality"), [("a.png", None), ("a.webp", 100), ("A.PNG", None)])
def test_exact_formats_keep_every_bit_also_under_transparency(name: str, quality: int | None) -> None:
    found = decode_picture(encode_picture(NOISE, name, {"k": "v"}, quality=quality), name)
    assert found.alpha is not None and not lossy(name, quality)
    assert np.array_equal(found.rgb, NOISE.rgb) and np.array_equal(found.alpha, CLEAR)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.webp"])
def test_quality_decides_size_and_error(name: str) -> None:
    picture = Picture(np.asarray(smooth()))
    low, usual, high = (encode_picture(picture, name, quality=quality) for quality in (10, None, 99))
    assert len(low) < len(usual) < len(high)
    errors = [np.abs(decode_picture(data, name).rgb.astype(int) - picture.rgb).mean() for data in (low, high)]
    assert errors[1] < errors[0] / 2 and errors[1] < 1.5
    assert lossy(name)


def test_jpeg_lays_the_transparent_on_the_background() -> None:
    clear = Picture(np.zeros((16, 16, 3), np.uint8), np.zeros((16, 16), np.uint8))
    for background, colour in (("white", (255, 255, 255)), ("#ff0000", (255, 0, 0))):
        found = decode_picture(encode_picture(clear, "a.jpg", background=background), "a")
        assert found.alpha is None and np.abs(found.rgb.astype(int) - colour).max() <= 2
    assert not holds_alpha("a.jpg") and holds_alpha("a.webp") and holds_alpha("a.png")


def test_the_same_input_gives_the_same_bytes() -> None:
    for name in ("a.png", "a.jpg", "a.webp"):
        assert encode_picture(NOISE, name, {"k": "v"}) == encode_picture(NOISE, name, {"k": "v"})


def test_colours_are_not_halved_at_a_high_quality() -> None:
    data = encode_picture(NOISE, "a.jpg", quality=95)
    assert {layer[1:3] for layer in Image.open(BytesIO(data)).layer} == {(1, 1)}  # pyright: ignore


@pytest.mark.parametrize(
    ("check", "sentence"),
    [
        (lambda: check_quality("a.png", 90), "has no quality"),
        (lambda: check_quality("a.jpg", 0), "from 1 to 100, not 0"),
        (lambda: check_quality("a.webp", 101), "from 1 to 100"),
        (lambda: check_side("a.webp", (20, 16_384)), "at most 16383 pixels a side"),
        (lambda: check_side("a.jpg", (65_501, 2)), "at most 65500 pixels a side"),
        (lambda: encode_picture(NOISE, "a.tif"), ".png, .jpg or .webp"),
    ],
)
def test_what_a_format_cannot_do_is_one_sentence(check: Callable[[], object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence) as caught:
        check()
    assert str(caught.value).endswith(".")


def test_what_a_format_can_do_is_not_refused() -> None:
    check_side("a.png", (1, 200_000))
    check_side("a.webp", (16_383, 1))
    check_quality("a.webp", 100)
    check_quality("a.png", None)
