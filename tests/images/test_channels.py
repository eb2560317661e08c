import numpy as np
import pytest
from PIL import Image, ImageCms
from tests.images.kit import LINEAR, SRGB, encoded, profile, smooth

from overpaint.images import decode_picture
from overpaint.images.channels import channels
from overpaint.images.depth import Odd

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


@pytest.mark.parametrize("mode", ["I;16", "I"])
def test_deep_grey_goes_through_its_profile_as_its_twin_of_eight_bits_does(mode: str) -> None:
    light = np.asarray(smooth().convert("L"))
    deep = Image.fromarray(light.astype(np.uint16) * 257)
    image = with_profile(deep if mode == "I;16" else deep.convert("I"), LINEAR)
    twin = channels(with_profile(Image.fromarray(light), LINEAR))
    assert image.mode == mode and np.array_equal(channels(image).rgb, twin.rgb)
    assert np.abs(twin.rgb[..., 0].astype(int) - light).mean() > 20  # the profile says something


def test_small_whole_numbers_are_read_as_bytes_and_that_is_said() -> None:
    found = channels(Image.fromarray(np.array([[0, 100, 200]], np.int32)))
    assert found.rgb[0, :, 0].tolist() == [0, 100, 200]
    assert len(found.notes) == 1 and "255 was taken" in found.notes[0]


@pytest.mark.parametrize(("mode", "value"), [("F", 1.5), ("I", 70_000), ("I", -1)])
def test_numbers_of_unknown_range_are_refused(mode: str, value: float) -> None:
    with pytest.raises(Odd, match=r"range is not known.*\.$"):
        channels(Image.new(mode, (2, 2), value))
