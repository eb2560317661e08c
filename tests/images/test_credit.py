import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.images.kit import encoded, smooth
from tests.images.tiffs import LONG, UNDEFINED, Tiff

from overpaint.images import load_picture, save_picture

WHO = {"Artist": "Jürgen 苺", "Copyright": "© J. 2026"}
PACKET = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:creator><rdf:Seq><rdf:li>Jürgen 苺</rdf:li></rdf:Seq></dc:creator>
<dc:rights><rdf:Alt><rdf:li xml:lang="de">anders</rdf:li>
<rdf:li xml:lang="x-default">© J. 2026</rdf:li></rdf:Alt>
</dc:rights></rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="w"?>""".encode()
SHORT = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Artist="A. Author"/></rdf:RDF></x:xmpmeta>"""


def iptc(*sets: tuple[int, str]) -> bytes:
    """Records of IPTC: the number of each data set and its text."""
    return b"".join(
        b"\x1c\x02" + bytes((number,)) + len(text.encode()).to_bytes(2, "big") + text.encode()
        for number, text in sets
    )


def jpeg_of_an_agency() -> bytes:
    """A JPEG whose author stands in IPTC alone."""
    told = iptc((5, "a title"), (80, WHO["Artist"]), (116, WHO["Copyright"]))
    body = (
        b"Photoshop 3.0\0"
        + b"8BIM\x04\x04\0\0"
        + len(told).to_bytes(4, "big")
        + told
        + b"\0" * (len(told) % 2)
    )
    data = encoded(smooth(), "JPEG")
    return data[:2] + b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]


def with_texts() -> bytes:
    texts = PngInfo()
    texts.add_itxt("Author", WHO["Artist"])
    texts.add_itxt("Copyright", WHO["Copyright"])
    texts.add_text("Comment", "not this")
    return encoded(smooth(), "PNG", pnginfo=texts)


def png_with_xmp() -> bytes:
    texts = PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", PACKET.decode())
    return encoded(smooth(), "PNG", pnginfo=texts)


def tiff_with(tag: int, data: bytes, bits: int = 8) -> bytes:
    return Tiff(bits, more={tag: (UNDEFINED, tuple(data))}).written(np.zeros((8, 8)))


def tiff_by_old_custom(bits: int, order: Literal["<", ">"]) -> bytes:
    """Bytes of IPTC that are called numbers of four bytes."""
    told = iptc((80, WHO["Artist"]), (116, WHO["Copyright"]))
    numbers = struct.unpack(f"{order}{-(-len(told) // 4)}I", told.ljust(-(-len(told) // 4) * 4, b"\0"))
    return Tiff(bits, order=order, more={33723: (LONG, numbers)}).written(np.zeros((8, 8)))


SOURCES: dict[str, Callable[[], bytes]] = {
    "texts of a PNG": with_texts,
    "XMP of a PNG": png_with_xmp,
    "XMP of a JPEG": lambda: encoded(smooth(), "JPEG", xmp=PACKET),
    "XMP of a WebP": lambda: encoded(smooth(), "WEBP", xmp=PACKET),
    "XMP of a TIFF": lambda: tiff_with(700, PACKET),
    "XMP of a deep TIFF": lambda: tiff_with(700, PACKET, 16),
    "IPTC of a JPEG": jpeg_of_an_agency,
    "IPTC of a TIFF by old custom": lambda: tiff_by_old_custom(8, ">"),
    "IPTC of a deep TIFF by old custom": lambda: tiff_by_old_custom(16, "<"),
    "IPTC of a TIFF": lambda: tiff_with(33723, iptc((80, WHO["Artist"]), (116, WHO["Copyright"]))),
    "IPTC of a deep TIFF": lambda: tiff_with(33723, iptc((80, WHO["Artist"]), (116, WHO["Copyright"])), 16),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp"])
def test_author_and_notice_travel_from_wherever_they_stand(tmp_path: Path, source: str, name: str) -> None:
    (tmp_path / "in").write_bytes(SOURCES[source]())
    for place in (tmp_path / "in", save_picture(load_picture(tmp_path / "in"), tmp_path / name)):
        credit = load_picture(place).info.credit
        assert {key: value.encode("latin-1").decode() for key, value in credit.items()} == WHO
    exif = Image.open(BytesIO((tmp_path / name).read_bytes())).getexif()
    assert exif[0x013B].encode("latin-1").decode() == WHO["Artist"]


def test_exif_comes_first_and_others_fill_what_it_lacks(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "B. Other"
    (tmp_path / "a.jpg").write_bytes(encoded(smooth(), "JPEG", exif=exif, xmp=PACKET))
    credit = load_picture(tmp_path / "a.jpg").info.credit
    assert (
        credit["Artist"] == "B. Other" and credit["Copyright"].encode("latin-1").decode() == WHO["Copyright"]
    )


def test_the_short_form_of_xmp(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(smooth(), "JPEG", xmp=SHORT))
    assert load_picture(tmp_path / "a.jpg").info.credit == {"Artist": "A. Author"}


BOMB = b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;">]>' + SHORT.replace(b"A. Author", b"&c;")


@pytest.mark.parametrize(
    "packet", [b"<x", BOMB, b"\xff\xfe\0", SHORT[:100], SHORT.replace(b"A. Author", b" ")]
)
def test_a_packet_that_says_nothing_is_no_reason_to_refuse(tmp_path: Path, packet: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(encoded(smooth(), "JPEG", xmp=packet))
    assert load_picture(tmp_path / "a.jpg").info.credit == {}


def test_long_texts_are_cut_and_odd_ones_do_not_stop_the_writing(tmp_path: Path) -> None:
    texts: Any = PngInfo()
    texts.add_itxt("Author", "苺" * 5000)
    (tmp_path / "a.png").write_bytes(encoded(smooth(), "PNG", pnginfo=texts))
    picture = load_picture(tmp_path / "a.png")
    assert len(picture.info.credit["Artist"]) <= 1000
    assert Image.open(BytesIO(save_picture(picture, tmp_path / "b.jpg").read_bytes())).getexif()[0x013B]
