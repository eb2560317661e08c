"""What a notebook shows of an edit: the pictures side by side, and what came out, as a table."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from overpaint.images import Picture, from_pil, to_pil
from overpaint.images.picture import flattened

TALLEST = 512
"""Pixels; larger pictures are shown smaller, as a page holds every one of them whole."""


def plain(text: str) -> str:
    """A prompt as a caption: one line, without what does not print."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def small(picture: Picture) -> Picture:
    """The picture on white, no taller than is shown."""
    image = to_pil(flattened(picture))
    image.thumbnail((4 * TALLEST, TALLEST))
    return from_pil(image)


def page(title: str, png: bytes, facts: Mapping[str, str], warnings: Iterable[str]) -> str:
    """A picture, a table and sentences as HTML; nothing that a prompt holds is taken for markup."""
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts.items()
    )
    said = "".join(f"<p>Warning: {escape(one)}</p>" for one in warnings)
    return f"<div>{image(title, png)}<table>{rows}</table>{said}</div>"


def table(
    title: str, png: bytes, head: Sequence[str], lines: Iterable[Sequence[str]], notes: Iterable[str]
) -> str:
    """A picture, a table with a head, and sentences as HTML."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in lines)
    said = "".join(f"<p>{escape(one)}</p>" for one in notes)
    return f"<div>{image(title, png)}<table><tr>{top}</tr>{rows}</table>{said}</div>"


def image(title: str, png: bytes) -> str:
    """A picture as HTML that holds it."""
    source = f"data:image/png;base64,{b64encode(png).decode()}"
    return f'<img alt="{escape(title)}" src="{source}">'
