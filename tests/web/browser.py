"""The page in headless Chromium, in front of a server of this process, watched for errors."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe  # pyright: ignore[reportMissingTypeStubs]
from playwright.sync_api import Browser, Page, sync_playwright
from tests.pages.kit import BROWSER
from tests.web.kit import png

WAIT = 60.0

DROP = """data => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const file = new File([bytes], "x.png", { type: "image/png" });
    const carried = new DataTransfer();
    carried.items.add(file);
    for (const kind of ["dragenter", "dragover", "drop"]) {
        const how = { bubbles: true, cancelable: true, dataTransfer: carried };
        document.body.dispatchEvent(new DragEvent(kind, how));
    }
}"""
PIXEL = """([x, y]) => {
    const canvas = document.getElementById("canvas"), ratio = window.devicePixelRatio;
    return [...canvas.getContext("2d").getImageData(x * ratio, y * ratio, 1, 1).data];
}"""


@dataclass
class Face:
    """The page as somebody sees it, and what went wrong in it."""

    page: Page
    address: str
    wrong: list[str] = field(default_factory=list[str])

    def ready(self) -> None:
        """Wait until the page is there."""
        self.page.wait_for_selector("html[data-ready]", timeout=1000 * WAIT)

    def until(self, holds: Callable[[], Any]) -> Any:
        """Wait until something is so; what it was."""
        end = time.monotonic() + WAIT
        while not (found := holds()):
            assert time.monotonic() < end, (self.page.inner_text("body")[:2000], self.wrong)
            self.page.wait_for_timeout(30)
        return found

    def drop(self, data: bytes | None = None) -> None:
        """Drop a picture on the page."""
        from base64 import b64encode

        self.page.evaluate(DROP, b64encode(data or png(48, 64)).decode())
        self.seen("#work")

    def seen(self, selector: str) -> None:
        """Wait until something is to be seen."""
        self.page.locator(selector).first.wait_for(state="visible", timeout=1000 * WAIT)

    def run(self) -> None:
        """Run, and wait for what comes out."""
        self.page.click("#run")
        self.seen("#accept")

    def middle(self) -> tuple[float, float]:
        """The middle of the picture, on the canvas."""
        box = self.page.locator("#canvas").bounding_box()
        assert box is not None
        return box["width"] / 2, box["height"] / 2

    def pixel(self, x: float, y: float) -> list[int]:
        """A pixel of the canvas."""
        return self.page.evaluate(PIXEL, [x, y])

    def stroke(self, *places: tuple[float, float]) -> None:
        """Draw with the mouse, from the middle of the picture."""
        self.page.locator("#canvas").scroll_into_view_if_needed()
        box, (x, y) = self.page.locator("#canvas").bounding_box(), self.middle()
        assert box is not None
        for k, (dx, dy) in enumerate(places):
            self.page.mouse.move(box["x"] + x + dx, box["y"] + y + dy)
            if k == 0:
                self.page.mouse.down()
        self.page.mouse.up()

    def state(self) -> dict[str, Any]:
        """What the page keeps."""
        return self.page.evaluate("JSON.parse(localStorage.getItem('overpaint'))")

    def faults(self) -> list[str]:
        """What of it people with other senses could not use."""
        axe: Any = Axe()
        found = axe.run(self.page)
        bad = [one for one in found.response["violations"] if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in bad]


@contextmanager
def chromium() -> Generator[Browser, None, None]:
    """A browser."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            yield made
        finally:
            made.close()


def face(
    made: Browser,
    address: str,
    scheme: Literal["dark", "light"] = "light",
    width: int = 1200,
    touch: bool = False,
) -> Face:
    """The page, opened afresh."""
    size: Any = {"width": width, "height": 900}
    page = made.new_context(viewport=size, color_scheme=scheme, has_touch=touch).new_page()
    found = Face(page, address)
    page.on("console", lambda said: found.wrong.append(said.text) if "Canvas2D" not in said.text else None)
    page.on("pageerror", lambda error: found.wrong.append(str(error)))

    def asked(request: Any) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            found.wrong.append(f"asked elsewhere: {request.url[:100]}")

    page.on("request", asked)
    page.goto(address)
    found.ready()
    return found


def shot(face: Face, place: Path) -> None:
    """A picture of the page."""
    face.page.screenshot(path=place)
