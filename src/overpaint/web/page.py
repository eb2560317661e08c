"""The page and its parts: files of the package, nothing from anywhere else."""

from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Response
from fastapi import Path as Named

from overpaint.web.safety import Refused

router = APIRouter(include_in_schema=False)
HERE = Path(__file__).parents[1] / "pages" / "serve"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def files() -> dict[str, tuple[bytes, str]]:
    """Every file of the page, and what it is known by."""
    found = {file.name: file.read_bytes() for file in sorted(HERE.iterdir()) if file.suffix in KINDS}
    return {name: (data, f'"{sha256(data).hexdigest()[:16]}"') for name, data in found.items()}


def answered(name: str, known: str | None) -> Response:
    """A file of the page; nothing of it where the browser has it already.

    Raises:
        Refused: there is none of that name.
    """
    if name not in files():
        raise Refused(404, "There is no such page here; the address / shows the one there is.")
    data, mark = files()[name]
    headers = {"etag": mark, "cache-control": "no-cache"}
    if known == mark:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=KINDS[Path(name).suffix], headers=headers)


@router.get("/")
def index(if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """The page."""
    return answered("index.html", if_none_match)


@router.get("/page/{name}")
def part(
    name: Annotated[str, Named(pattern=r"^[a-z]+\.(js|css|svg)$")],
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """A part of it."""
    return answered(name, if_none_match)
