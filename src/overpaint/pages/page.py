"""A page made whole: a frame, a style, a program, and data as JSON that the program puts in as text.

Nothing that a prompt or a picture holds is taken for markup: it travels as data, and the program writes it
with ``textContent``. The page's own policy forbids it to load anything.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from overpaint.images import Picture, encode_picture, from_pil, to_pil
from overpaint.images.picture import flattened

HERE = Path(__file__).parent
FRAME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: {images}; \
style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>{title}</title>
<style>
{style}</style>
{body}<script type="application/json" id="data">{data}</script>
<script>
{program}</script>
</html>
"""
EXACT = 128
"""Pictures up to so many pixels a side are put in exactly, larger ones as JPEG."""
TALLEST = 768
QUALITY = 90


def page(title: str, name: str, data: Mapping[str, Any], parts: Sequence[str], beside: bool = False) -> bytes:
    """The page of a name, ``<name>.html``, with the programs ``<part>.js``.

    ``beside`` lets it show pictures that lie beside it on disk.
    """
    program = "\n".join((HERE / f"{part}.js").read_text(encoding="utf-8") for part in parts)
    style, body = ((HERE / file).read_text(encoding="utf-8") for file in ("style.css", f"{name}.html"))
    images = "'self' file:" if beside else ""
    text = FRAME.format(
        title=escape(title), style=style, body=body, data=inside(data), program=program, images=images
    )
    return text.encode()


def inside(data: Mapping[str, Any]) -> str:
    """Data as JSON that no browser takes for the end of a script."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def shown(picture: Picture, tallest: int = TALLEST) -> str:
    """A picture as an address that holds it, no taller than is shown."""
    image = to_pil(flattened(picture))
    image.thumbnail((2 * tallest, tallest))
    small, name = from_pil(image), "x.png" if max(image.size) <= EXACT else "x.jpg"
    data = encode_picture(small, name, quality=None if name == "x.png" else QUALITY)
    kind = "png" if name == "x.png" else "jpeg"
    return f"data:image/{kind};base64,{b64encode(data).decode()}"
