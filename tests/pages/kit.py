"""A page in headless Chromium: opened from disk, watched for errors, looked at in light and in dark."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
browser = pytest.mark.skipif(
    BROWSER is None, reason="there is no Chromium; on Debian: apt install chromium (.ci/browser does)"
)


@dataclass
class Shown:
    """A page, and what went wrong in it."""

    page: Page
    wrong: list[str] = field(default_factory=list[str])
    """What the console said, and what the page would have fetched."""

    def text(self, selector: str) -> str:
        """What stands there."""
        return self.page.inner_text(selector)

    def column(self, name: str) -> list[str]:
        """The cells of a column of the table, from the top; the first column has no name."""
        place = self.page.evaluate(
            "name => [...document.querySelectorAll('th')].findIndex((one) => one.dataset.name === name)", name
        )
        return self.page.locator(f"tbody td:nth-child({place + 1})").all_inner_texts()


@contextmanager
def opened(file: Path, scheme: Literal["dark", "light"] = "light") -> Generator[Shown, None, None]:
    """A page from disk, with nothing else within reach."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        try:
            page = chromium.new_page(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
            shown = Shown(page)
            page.on("console", lambda said: shown.wrong.append(said.text))
            page.on("pageerror", lambda error: shown.wrong.append(str(error)))
            page.on("requestfailed", lambda asked: shown.wrong.append(f"failed: {asked.url[:80]}"))
            page.on(
                "request",
                lambda asked: (
                    shown.wrong.append(f"asked: {asked.url[:80]}")
                    if asked.url.startswith(("http", "ws"))
                    else None
                ),
            )
            page.goto(file.resolve().as_uri())
            yield shown
        finally:
            chromium.close()
