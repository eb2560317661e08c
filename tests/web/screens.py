"""Pictures of the page: light, dark and on a phone; empty, painting, running, compared, and its history.

``python -m tests.web.screens FOLDER`` serves the shipped model and writes a PNG of each. It is no test:
pytest collects nothing here.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from tests.web.browser import Face, chromium, face, shot
from tests.web.live import live

from overpaint.images import encode_png, from_tensor
from overpaint.stilllife.edits import pairs
from overpaint.stilllife.render import render
from overpaint.stilllife.scene import FRAME

Scheme = Literal["dark", "light"]
LOOKS: tuple[tuple[str, Scheme, int], ...] = (
    ("light", "light", 1280),
    ("dark", "dark", 1280),
    ("phone", "light", 390),
)
CASE = pairs(0, "colour")


def shots(one: Face, folder: Path, name: str) -> None:
    """Go the main road, and look back at each station."""
    page = one.page

    def seen(station: str) -> None:
        page.wait_for_timeout(400)
        shot(one, folder / f"{name}-{station}.png")

    seen("empty")
    one.drop(encode_png(from_tensor(render([CASE.source], FRAME) * 2 - 1)))
    page.fill("#source", CASE.source_prompt)
    page.fill("#target", CASE.target_prompt)
    one.seen("#controls-row")
    seen("words")
    page.click("[data-where=paint]")
    one.stroke((-70, -20), (-20, 20), (30, 0), (60, 30))
    seen("painting")
    page.click("#run")
    one.until(lambda: page.evaluate("document.getElementById('progress').value > 0.3"))
    seen("running")
    one.seen("#accept")
    seen("done")
    page.click("#accept")
    one.seen("#trail .thumb >> nth=1")
    seen("accepted")
    page.click("[data-where=all]")
    page.click("#method")
    one.seen("#cards .card")
    page.wait_for_timeout(1500)
    seen("methods")
    for method in ("sdedit", "ddim", "p2p"):
        page.click(f"#cards .card:has(b:text-is('{method}')) input")
    page.click("#compare")
    one.seen("#cells .thumb >> nth=2")
    one.seen("#accept")
    seen("compared")
    page.click("#history-open")
    one.seen("#history-list .item")
    seen("history")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    one.seen("#keys")
    seen("keys")
    if one.wrong:
        raise SystemExit(f"{name}: {one.wrong}")


def main(folder: Path) -> None:
    """All of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, scheme, width in LOOKS:
        with TemporaryDirectory() as place, live(Path(place) / "serve") as (home, _), chromium() as window:
            shots(face(window, home, scheme, width, touch=width < 500), folder, name)
            print(f"{name}: {len(list(folder.glob(f'{name}-*.png')))} pictures in {folder}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
