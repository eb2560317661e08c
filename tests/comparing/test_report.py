import re
from pathlib import Path

import pytest
from tests.comparing.kit import asked, small
from tests.pages.kit import browser, opened

import overpaint
from overpaint.comparing.report import BY_SIGNALS, order


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, evil = tmp_path_factory.mktemp("compare"), "a <b>x dog"
    said = asked(methods="sdedit,ddim,diffedit,sega", words=["dog"], target=evil)
    overpaint.compare(small(), folder=folder, **said)
    return folder / "report.html"


def test_how_it_is_ordered_is_said() -> None:
    assert order(None) == BY_SIGNALS


@browser
def test_the_report_works(report: Path) -> None:
    with opened(report) as shown:
        page = shown.page
        assert page.locator("button.card").count() == 3 and page.locator(".card.failed").count() == 1
        assert "There is no concept" in shown.text(".card.failed")
        assert "< b > x" in shown.text("#prompts")
        first = shown.text("#name")
        page.keyboard.press("ArrowRight")
        assert shown.text("#name") != first
        page.keyboard.press("ArrowLeft")
        assert shown.text("#name") == first and "overpaint edit" in shown.text("#command")
        page.locator("#slider").fill("20")
        assert "inset(0px 80% 0px 0px)" in page.eval_on_selector("#before", "e => e.style.clipPath")
        page.keyboard.press("f")
        assert page.input_value("#slider") == "100"
        page.locator("#title").click()
        page.keyboard.press("d")
        page.wait_for_selector("#canvas[data-drawn^='difference']")
        page.locator("button.card", has_text="diffedit").click()
        page.keyboard.press("m")
        page.wait_for_selector("#canvas[data-drawn^='mask']")
        page.locator("button.card", has_text=re.compile("^ddim")).click()
        page.keyboard.press("w")
        assert page.locator("#words").is_visible() and "words: dog" in shown.text("#modes")
        assert shown.wrong == []


@browser
def test_a_column_is_sorted_best_first_and_back(report: Path) -> None:
    with opened(report, "dark") as shown:
        dark = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert dark == "rgb(23, 24, 27)"
        shown.page.locator("th[data-name=rows] button").click()
        assert shown.column("rows") == sorted(shown.column("rows"), key=int)
        shown.page.locator("th[data-name=rows] button").click()
        assert shown.column("rows") == sorted(shown.column("rows"), key=int, reverse=True)
        assert shown.page.get_attribute("th[data-name=rows]", "aria-sort") == "descending"
        shown.page.locator("tbody tr").first.click()
        assert shown.text("#name") == shown.column("")[0] and shown.wrong == []
