import json
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.images.kit import GPS, SECRET, SRGB, camera_exif, encoded, smooth

from overpaint.images import Info, Picture, decode_picture, encode_picture
from overpaint.images.encoding import SEGMENT
from overpaint.images.metadata import MAIN, MORE, extended, packed, unpacked

TEXT = {"overpaint": '{"method": "p2p", "n": 1.25, "deep": {"a": [1, null]}}', "note": 'ü "苺" <&> \n'}
LONG = {"overpaint": json.dumps({"prompt": "a dög", "source": {"png": "A" * 300_000, "pixels": "ab"}})}


def read(data: bytes) -> Info:
    return decode_picture(data, "a").info


def same(one: dict[str, str], other: dict[str, str]) -> bool:
    """Texts are equal; those that are objects as objects."""
    return unpacked(packed(one)) == unpacked(packed(other))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.jpeg", "a.webp"])
@pytest.mark.parametrize("text", [TEXT, LONG], ids=["short", "longer than a segment"])
def test_texts_come_back_from_every_format(name: str, text: dict[str, str]) -> None:
    picture = Picture(np.asarray(smooth()), None, Info(icc=SRGB, credit={"Artist": "me"}))
    found = read(encode_picture(picture, name, text))
    assert same(dict(found.text), text)
    assert found.icc == SRGB and found.credit == {"Artist": "me"}


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_comment_is_where_other_programs_look(kind: str) -> None:
    data = encode_picture(Picture(np.asarray(smooth())), f"a.{kind.lower()}", TEXT)
    comment = Image.open(BytesIO(data)).getexif().get_ifd(0x8769)[0x9286]
    assert comment.startswith(b"ASCII\0\0\0")
    assert json.loads(comment[8:])["overpaint"]["method"] == "p2p"


def test_a_long_recipe_keeps_its_prompts_in_the_comment_and_the_rest_in_extended_xmp() -> None:
    data = encode_picture(Picture(np.asarray(smooth())), "a.jpg", LONG)
    image = Image.open(BytesIO(data))
    comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert json.loads(comment[8:]) == {"overpaint": {"prompt": "a dög", "source": {"pixels": "ab"}}}
    bodies = [body for kind, body in parts(image) if kind == "APP1"]
    guid = next(body for body in bodies if body.startswith(MAIN)).partition(b'HasExtendedXMP="')[2][:32]
    pieces = [body for body in bodies if body.startswith(MORE)]
    assert len(pieces) > 4 and all(len(body) <= SEGMENT for body in bodies)
    assert all(body[len(MORE) :].startswith(guid) for body in pieces)


@pytest.mark.parametrize("damage", ["a piece lost", "a byte changed", "two of them"])
def test_damaged_extended_xmp_is_as_none(damage: str) -> None:
    data = encode_picture(Picture(np.asarray(smooth())), "a.jpg", LONG)
    segments = parts(Image.open(BytesIO(data)))
    assert extended(segments)
    match damage:
        case "a piece lost":
            segments.pop()
        case "a byte changed":
            segments[-1] = ("APP1", segments[-1][1][:-1] + b"#")
        case _:
            segments.append(("APP1", MORE + b"0" * 32 + bytes(8) + b"other"))
    assert extended(segments) == {}


def parts(image: Any) -> list[tuple[str, bytes]]:
    """The segments of a JPEG."""
    return list(image.applist)


NAMED = b"ASCII\0\0\0"


@pytest.mark.parametrize("comment", [b"", NAMED + b"{", NAMED + b"[1]", b"UNICODE\0a\0", NAMED + b"[" * 9000])
def test_comments_of_others_are_left_alone(comment: bytes) -> None:
    made = Image.Exif()
    made.get_ifd(0x8769)[0x9286] = comment
    assert read(encoded(smooth(), "JPEG", exif=made)).text == {}


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_credit_and_profile_stay_and_everything_about_the_camera_goes(source: str, name: str) -> None:
    more = {} if source == "TIFF" else {"exif": camera_exif()}
    data = encoded(smooth(), source, icc_profile=SRGB, **more)
    assert source == "TIFF" or SECRET in data or source == "PNG"
    written = encode_picture(decode_picture(data, "a"), name, {})
    exif = Image.open(BytesIO(written)).getexif()
    assert SECRET not in written and not exif.get_ifd(GPS) and 0x010F not in exif
    assert Image.open(BytesIO(written)).info["icc_profile"] == SRGB
    if source != "TIFF":
        assert (exif[0x013B], exif[0x8298]) == ("A. Author", "(c) A. Author")


def test_credit_in_other_letters_survives_twice() -> None:
    name = "Jürgen 苺".encode().decode("latin-1")  # how the file spells it
    picture = Picture(np.asarray(smooth()), None, Info(credit={"Copyright": name}))
    assert read(encode_picture(picture, "a.jpg", {})).credit == {"Copyright": name}
