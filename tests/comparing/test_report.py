import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.comparing.kit import asked, small
from tests.pages.kit import browser, opened

import overpaint
from overpaint.choosing.score import shipped
from overpaint.cli.comparing import for_people
from overpaint.comparing.comparison import Comparison
from overpaint.comparing.report import BY_SIGNALS, caption, order


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, evil = tmp_path_factory.mktemp("compare"), "a <b>x dog"
    said = asked(methods="sdedit,ddim,diffedit,sega", words=["dog"], target=evil)
    overpaint.compare(small(), folder=folder, **said)
    return folder / "report.html"


def test_how_it_is_ordered_is_said() -> None:
    assert order(None) == BY_SIGNALS


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """One with a score, whose edits are told no chance by themselves on the tiny model."""
    found = overpaint.compare(small(), **asked(methods="sdedit,ddim"))
    chances = ((0.74, 0.61, 0.83), (0.096, 0.0, 0.2))
    cells = [replace(one, score=score) for one, score in zip(found.cells, chances, strict=True)]
    return replace(found, cells=cells, score=shipped(), files={"report": Path("r"), "sheet": Path("s")})


def test_a_chance_is_never_said_without_its_interval(scored: Comparison) -> None:
    first, second = scored.cells
    assert first.chance == "74% (61 to 83%)" and second.chance == "10% (0 to 20%)"
    assert caption(first).endswith(", likely 74% (61 to 83%)")
    assert f"{first.title}: likely 74% (61 to 83%), " in for_people(scored)
    assert "<td>74% (61 to 83%)</td>" in scored._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert replace(first, score=None).chance == ""


@browser
def test_the_page_shows_the_interval_beside_each_chance(scored: Comparison, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_bytes(scored.html)
    with opened(tmp_path / "report.html") as shown:
        assert shown.column("score") == ["74% (61 to 83%)", "10% (0 to 20%)"]
        assert "likely 74% (61 to 83%)" in shown.text("button.card")
        assert "74% (61 to 83% of such edits did)" in shown.text("#about")
        for _ in range(2):
            shown.page.locator("th[data-name=score] button").click()
        assert shown.column("score") == ["10% (0 to 20%)", "74% (61 to 83%)"] and shown.wrong == []


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
