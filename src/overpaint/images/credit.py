"""Who made a picture and whose it is, wherever the file says so: EXIF, XMP, IPTC or the texts of a PNG.

Texts are kept as EXIF spells them, bytes read as Latin-1, so that letters of any script come through twice.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, cast
from xml.etree import ElementTree

from PIL import Image

CREDIT = {"Artist": 0x013B, "Copyright": 0x8298}
"""What is kept, and the tags of EXIF it is kept in."""
LONGEST_CREDIT = 1000
DUBLIN, TIFF, RDF = (
    f"{{{space}}}"
    for space in (
        "http://purl.org/dc/elements/1.1/",
        "http://ns.adobe.com/tiff/1.0/",
        "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    )
)
NAMES = {
    "Artist": (f"{DUBLIN}creator", f"{TIFF}Artist"),
    "Copyright": (f"{DUBLIN}rights", f"{TIFF}Copyright"),
}
TEXTS = {"Artist": "author", "Copyright": "copyright"}
RECORDS = {"Artist": 80, "Copyright": 116}
"""Data sets of the second record of IPTC: by-line and copyright notice."""
PACKET, IPTC, RESOURCE = 700, 33723, 0x0404
LONGEST_PACKET = 2**20
DEFAULT = "{http://www.w3.org/XML/1998/namespace}lang"


def credit_of(image: Image.Image) -> dict[str, str]:
    """Author and copyright notice: of several places that say one, the first in the order above."""
    found: dict[str, str] = {}
    sources: tuple[Callable[[Image.Image], Mapping[str, str]], ...] = (in_exif, in_xmp, in_iptc, in_texts)
    for source in sources:
        with suppress(Exception):  # what stands beside the pixels is often damaged, and they are fine without
            found = dict(source(image)) | found
    return {name: found[name] for name in CREDIT if name in found}


def kept(said: Mapping[str, str]) -> dict[str, str]:
    """What is not empty, shortened."""
    return {name: value.strip()[:LONGEST_CREDIT] for name, value in said.items() if value.strip("\0 \t\r\n")}


def in_exif(image: Image.Image) -> dict[str, str]:
    """From the tags of EXIF."""
    tags = image.getexif()
    said = {name: tags.get(tag) for name, tag in CREDIT.items()}
    return kept({name: value for name, value in said.items() if isinstance(value, str)})


def in_texts(image: Image.Image) -> dict[str, str]:
    """From the texts of a PNG."""
    texts = {str(key).lower(): value for key, value in image.info.items() if isinstance(value, str)}
    return kept({name: spelled(texts[key]) for name, key in TEXTS.items() if key in texts})


def spelled(text: str) -> str:
    """A text as EXIF spells it."""
    return text[:LONGEST_CREDIT].encode("utf-8", "replace").decode("latin-1")


def in_xmp(image: Image.Image) -> dict[str, str]:
    """From a packet of XMP; one that defines entities is left alone."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or tags.get(PACKET, b"")
    raw = packet.encode() if isinstance(packet, str) else cast(bytes, packet)
    if not raw or len(raw) > LONGEST_PACKET or b"<!" in raw:
        return {}
    root = ElementTree.fromstring(raw.strip(b"\0 \t\r\n"))
    said = {
        name: next((one for key in keys for one in values(root, key)), "") for name, keys in NAMES.items()
    }
    return kept({name: spelled(value) for name, value in said.items()})


def values(root: ElementTree.Element, key: str) -> Iterator[str]:
    """What a property says: several authors as one text, of several languages the default."""
    for element in root.iter():
        if key in element.attrib:
            yield element.attrib[key]
        if element.tag == key:
            items = list(element.iter(f"{RDF}li"))
            if any(DEFAULT in item.attrib for item in items):
                items = sorted(items, key=lambda item: item.attrib.get(DEFAULT) != "x-default")[:1]
            texts = [item.text or "" for item in items] or [element.text or ""]
            yield "; ".join(text.strip() for text in texts if text.strip())


def in_iptc(image: Image.Image) -> dict[str, str]:
    """From the records of IPTC, which agencies write."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    raw = image.info.get("photoshop", {}).get(RESOURCE) or image.info.get("iptc") or iptc_in(tags)
    said: dict[str, list[str]] = {}
    for number, value in records(raw):
        for name in (name for name, wanted in RECORDS.items() if wanted == number):
            said.setdefault(name, []).append(value.decode("latin-1"))
    return kept({name: "; ".join(texts) for name, texts in said.items()})


def iptc_in(tags: Mapping[int, Any]) -> bytes:
    """The records in the tags of a TIFF, as they stand there: by an old custom they are called one number."""
    raw: Mapping[int, bytes] = getattr(tags, "_tagdata", {})  # Pillow's own reader of IPTC looks there too
    return raw.get(IPTC, b"")


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The data sets of the second record, by number."""
    at = 0
    while at + 5 <= len(data) and data[at] == 0x1C:
        length = int.from_bytes(data[at + 3 : at + 5], "big")
        if data[at + 1] == 2:
            yield data[at + 2], data[at + 5 : at + 5 + length]
        at += 5 + length
