"""What travels beside the pixels: texts such as the recipe, and the author's credit; nothing else does.

A PNG has a chunk for each text. In JPEG and WebP all texts are one JSON object in the EXIF tag
``UserComment``, where programs that generate pictures write by custom and ``exiftool`` reads. A JPEG segment
holds 64 KB; texts beyond that go whole into extended XMP, and the comment keeps them without long strings.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import md5
from html import unescape
from typing import Any, cast
from xml.sax.saxutils import escape

from PIL import Image

from overpaint.images.credit import CREDIT

EXIF, COMMENT = 0x8769, 0x9286
ASCII = b"ASCII\0\0\0"  # the JSON is written in ASCII; a comment says so in its first eight bytes
SEGMENT = 65_533  # bytes of a segment behind its length
NAMESPACE = "urn:overpaint:1.0/"
MAIN, MORE = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
PIECE = 65_000  # bytes of extended XMP in one segment
PACKET = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" {}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
TEXTS = re.compile(rb"<overpaint:texts>([^<]*)</overpaint:texts>")


def packed(text: Mapping[str, str]) -> str:
    """Texts as one JSON object in ASCII; a text that is an object itself becomes part of it."""
    return json.dumps({name: nested(value) for name, value in text.items()}, separators=(",", ":"))


def nested(value: str) -> Any:
    """The object a text describes, or the text."""
    with suppress(ValueError, RecursionError):
        found = json.loads(value)
        if isinstance(found, dict):
            return cast(Any, found)
    return value


def unpacked(written: str | bytes) -> dict[str, str]:
    """The texts in such an object; none where somebody else wrote something else."""
    try:
        found = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    pairs = cast(dict[str, Any], found).items()
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in pairs}


def exif(comment: str, credit: Mapping[str, str]) -> bytes:
    """EXIF with a comment and the credit; nothing for neither."""
    made = Image.Exif()
    for name, value in credit.items():
        made[CREDIT[name]] = value.encode("latin-1", "replace")
    if comment:
        made.get_ifd(EXIF)[COMMENT] = ASCII + comment.encode("ascii", "replace")
    return made.tobytes() if comment or credit else b""


def texts_of(image: Image.Image) -> dict[str, str]:
    """The texts a file carries beside its pixels."""
    if image.format == "PNG":
        return {str(key): str(value) for key, value in getattr(image, "text", {}).items()}
    found: dict[str, str] = {}
    try:
        comment = image.getexif().get_ifd(EXIF).get(COMMENT)
        if isinstance(comment, bytes) and comment.startswith(ASCII):
            found = unpacked(comment[len(ASCII) :].rstrip(b"\0"))
    except Exception:  # EXIF is often damaged, and the picture is fine without it
        pass
    return found | extended(getattr(image, "applist", []))


def segments(written: str) -> bytes:
    """The texts as the APP1 segments of extended XMP: a packet that names it, then its pieces."""
    whole = PACKET.format(
        f'xmlns:overpaint="{NAMESPACE}"><overpaint:texts>{escape(written)}</overpaint:texts>'
    ).encode("ascii")
    guid = md5(whole, usedforsecurity=False).hexdigest().upper().encode()
    note = f'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmpNote:HasExtendedXMP="{guid.decode()}">'
    pieces = (
        MORE + guid + len(whole).to_bytes(4, "big") + at.to_bytes(4, "big") + whole[at : at + PIECE]
        for at in range(0, len(whole), PIECE)
    )
    bodies = (MAIN + PACKET.format(note).encode("ascii"), *pieces)
    return b"".join(b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body for body in bodies)


def extended(segments: list[tuple[str, bytes]]) -> dict[str, str]:
    """The texts in the extended XMP of a JPEG, if all of its pieces are there."""
    pieces = dict(pieces_of(segments))
    whole = b"".join(pieces[at] for at in sorted(pieces))
    guids = {body[len(MORE) : len(MORE) + 32] for kind, body in segments if is_piece(kind, body)}
    if guids != {md5(whole, usedforsecurity=False).hexdigest().upper().encode()}:
        return {}
    found = TEXTS.search(whole)
    return {} if found is None else unpacked(unescape(found[1].decode("ascii", "replace")))


def pieces_of(segments: list[tuple[str, bytes]]) -> Iterator[tuple[int, bytes]]:
    """The pieces of extended XMP with their places."""
    start = len(MORE) + 32 + 8
    for kind, body in segments:
        if is_piece(kind, body):
            yield int.from_bytes(body[start - 4 : start], "big"), body[start:]


def is_piece(kind: str, body: bytes) -> bool:
    """Whether a segment of a JPEG belongs to extended XMP."""
    return kind == "APP1" and body.startswith(MORE)
