"""The page with the method that chooses: it begins with it, and shows all that was tried."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared
from tests.pages.kit import browser
from tests.run.kit import learned
from tests.web.browser import face

import overpaint
from overpaint.images import load_picture
from overpaint.web.studio import Studio

SHARE = """async () => {
    const { stage } = await import("/page/state.js"), [w, h] = stage.strokes.size;
    stage.strokes.begin(w, h, [{ kind: "box", x: w / 4, y: h / 4, w: w / 2, h: h / 2 }]);
    return stage.strokes.share(CONTEXT);
}"""
"""How much may change where a quarter of the picture is painted."""


@browser
def test_it_begins_with_the_method_that_chooses(server: tuple[str, Studio], window: Browser) -> None:
    one = face(window, server[0])
    one.drop()
    one.seen("#method")
    assert one.page.inner_text("#method-name") == "auto" and one.page.input_value("#option-type") == ""
    one.page.fill("#source", SOURCE)
    one.page.fill("#target", TARGET)
    one.run()
    # Nothing was learned with this model; the words come a moment after the picture.
    one.until(lambda: "so no others were tried" in one.page.inner_text("#about"))
    one.page.select_option("#option-type", "colour")
    assert one.state()["options"] == {"type": "colour"}
    one.page.select_option("#option-type", "")
    assert one.state()["options"] == {}
    one.page.click("[data-where=paint]")
    for said, least, most in (("null", 0.2, 0.3), ("0", 0.99, 1.0), ("8", 0.38, 0.42)):
        assert least <= one.page.evaluate(SHARE.replace("CONTEXT", said)) <= most, said
    assert one.wrong == []


@browser
def test_what_was_tried_is_shown_and_can_be_taken(
    server: tuple[str, Studio], window: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    learned(monkeypatch, natural=5.0, level=-9.0)
    one = face(window, server[0])
    page = one.page
    one.drop()
    page.fill("#source", SOURCE)
    page.fill("#target", TARGET)
    one.run()
    one.seen("#cells .thumb >> nth=2")
    about = page.inner_text("#about")
    assert "None of the 3 edits" in about and "the likeliest of 3" in about and one.faults() == []
    assert "% likely" in page.inner_text("#cells [aria-current]")
    page.locator("#cells .thumb").nth(1).click()
    one.until(lambda: "Not taken" in page.inner_text("#about"))
    page.click("#save")
    one.until(lambda: page.inner_text("#keep-command").startswith("overpaint rerun overpaint-"))
    with page.expect_download() as kept:
        page.click("#keep-png")
    kept.value.save_as(tmp_path / "x.png")
    again = overpaint.rerun(tmp_path / "x.png", model=shared())
    assert (again.picture.rgb == load_picture(tmp_path / "x.png").rgb).all()
    page.keyboard.press("Escape")
    page.click("#accept")
    one.until(lambda: one.state()["at"] == 1)
    work = server[1].ledger.get(one.state()["path"][0]["work"])
    assert one.state()["path"][0]["picture"] == work.result["cells"][1]["picture"]
    page.click("#save")
    one.until(lambda: page.get_attribute("#keep-png", "href") == f"/api/edits/{work.id}/image?cell=1")
    assert one.wrong == []
