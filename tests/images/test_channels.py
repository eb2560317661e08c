from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin
from tests.images.kit import SRGB, encoded, profile, smooth

from overpaint.images import decode_picture
from overpaint.images.channels import Odd, channels

GREY = b"\0" * 16 + b"GRAY" + b"\0" * 108
"""The header of a profile for grey, and nothing behind it."""


def test_a_profile_stays_only_where_it_was_made_for_these_channels() -> None:
    assert channels(with_profile(smooth(), SRGB)).icc == SRGB
    for image, icc in ((smooth(), GREY), (smooth().convert("L"), SRGB), (smooth().convert("CMYK"), SRGB)):
        assert channels(with_profile(image, icc)).icc is None


def with_profile(image: Image.Image, icc: bytes) -> Image.Image:
    image.info["icc_profile"] = icc
    return image


def test_cmyk_without_a_profile_is_converted_by_rule_of_thumb_and_says_so() -> None:
    found = channels(smooth().convert("CMYK"))
    assert np.abs(found.rgb.astype(int) - np.asarray(smooth())).max() <= 2
    assert len(found.notes) == 1 and "rule of thumb" in found.notes[0]


def test_colours_that_are_no_rgb_go_through_their_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def convert(image: Image.Image, *_: object, **__: object) -> Image.Image:
        seen.append(image.mode)
        return Image.new("RGB", image.size, (1, 2, 3))

    monkeypatch.setattr(ImageCms, "profileToProfile", convert)
    for mode, space in (("CMYK", b"CMYK"), ("L", b"GRAY")):  # the rest of the profile is that of another
        image = with_profile(Image.new(mode, (2, 2)), SRGB[:16] + space + SRGB[20:])
        found = channels(image)
        assert found.rgb[0, 0].tolist() == [1, 2, 3] and found.icc is None and not found.notes
    assert seen == ["CMYK", "L"]


def test_a_damaged_profile_is_no_reason_to_refuse_the_picture() -> None:
    found = channels(with_profile(smooth().convert("L"), GREY))
    assert np.array_equal(found.rgb[..., 0], np.asarray(smooth().convert("L")))
    cmyk = channels(with_profile(smooth().convert("CMYK"), GREY.replace(b"GRAY", b"CMYK")))
    assert "rule of thumb" in cmyk.notes[0]


def test_lab_colours_are_understood() -> None:
    lab = Image.new("LAB", (4, 4), (255, 128, 128))
    assert decode_picture(encoded(lab, "TIFF"), "a").rgb.min() >= 250
    red = Image.new("LAB", (4, 4), (136, 208, 195))
    assert channels(red).rgb[0, 0].tolist() == pytest.approx([254, 0, 0], abs=12)


def test_profiles_of_other_spaces_are_real_ones() -> None:
    assert profile("sRGB")[16:20] == b"RGB " and profile("LAB")[16:20] == b"Lab "


@pytest.mark.parametrize("mode", ["LA", "RGBA", "La", "RGBa"])
def test_every_kind_of_transparency(mode: str) -> None:
    grey = Image.fromarray(np.full((3, 4), 200, np.uint8))
    clear = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4) * 20)
    base = Image.merge("LA", (grey, clear))
    image = base.convert("RGBA").convert("RGBa") if mode == "RGBa" else base.convert(mode)
    found = channels(image)
    assert found.alpha is not None
    assert np.array_equal(found.alpha, np.asarray(clear))
    assert np.abs(found.rgb[2].astype(int) - 200).max() <= 3


@pytest.mark.parametrize(("mode", "value"), [("1", 0), ("L", 7), ("RGB", (1, 2, 3))])
def test_one_colour_may_stand_for_transparent(mode: str, value: int | tuple[int, int, int]) -> None:
    image = Image.new(mode, (2, 1), 255 if mode != "RGB" else (9, 9, 9))
    image.putpixel((0, 0), value)
    image.info["transparency"] = value
    found = channels(image)
    assert found.alpha is not None and found.alpha.tolist() == [[0, 255]]


def test_deep_tiff_is_scaled_and_inverted_as_it_says() -> None:
    data = encoded(Image.fromarray(np.array([[0, 257, 32768, 65535]], np.uint16)), "TIFF")
    assert decode_picture(data, "a").rgb[0, :, 0].tolist() == [0, 1, 128, 255]
    image = Image.open(BytesIO(data))
    image.load()
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    image.tag_v2[262] = 0
    assert channels(image).rgb[0, :, 0].tolist() == [255, 254, 127, 0]
    twelve = Image.fromarray(np.array([[0, 4095]], np.uint16))
    twelve.tag_v2 = {258: (12,)}  # pyright: ignore[reportAttributeAccessIssue]
    assert channels(twelve).rgb[0, :, 0].tolist() == [0, 255]


@pytest.mark.parametrize(("mode", "value"), [("F", 0.5), ("I", 70_000), ("I", -1)])
def test_numbers_of_unknown_range_are_refused(mode: str, value: float) -> None:
    with pytest.raises(Odd, match=r"range is not known.*\.$"):
        channels(Image.new(mode, (2, 2), value))
