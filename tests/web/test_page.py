"""The page, used as people use it: in headless Chromium, in front of a server on the tiny model."""

import re
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Route
from tests.cli.kit import SOURCE, TARGET
from tests.kit import shared
from tests.pages.kit import browser
from tests.web.browser import Face, face
from tests.web.kit import slowly, white

import overpaint
from overpaint.images import decode_picture, load_picture
from overpaint.web.page import HERE, files
from overpaint.web.studio import Studio

HOSTILE = "<img src=x>"
EXCHANGE = """async () => {
    const { show } = await import("/page/words.js"), place = document.createElement("p");
    let text = "a green boll, bleugrass";
    const known = ["a", "green", "ball"], replace = (now) => { text = now; };
    show(place, { before: "", after: text, known, replace });
    place.querySelectorAll("button")[2].click();
    return text;
}"""
"""Click a word that the model was not taught, with a comma behind it."""


def asked(one: Face, target: str = TARGET, method: str = "sdedit") -> None:
    """A picture, and what it should show."""
    one.drop()
    one.page.click("#method")
    one.page.click(f"#cards .card button:has(b:text-is('{method}'))")
    one.page.fill("#option-steps", "2")
    one.page.dispatch_event("#option-steps", "change")
    one.page.fill("#source", SOURCE)
    one.page.fill("#target", target)


def test_it_is_small_and_asks_nobody_else() -> None:
    told = files()
    assert {"index.html", "app.js", "style.css", "icon.svg"} <= set(told)
    assert sum(len(data) for data, _ in told.values()) < 150_000
    text = {name: data.decode() for name, (data, _) in told.items()}
    assert not any(
        re.search(r"(https?:)?//[\w-]+\.\w", one.replace("http://www.w3.org", "")) for one in text.values()
    )
    for name in text:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacent|\beval\b|new Function|document\.write", text[name]
        ), name
    page = text["index.html"]
    assert not re.search(r"<script(?![^>]*src=)|\son\w+=|\sstyle=|<style", page), "nothing inline"
    used = set(re.findall(r'find\("([\w-]+)"\)', "".join(text.values())))
    assert used <= set(re.findall(r'\bid="([\w-]+)"', page)), "every name stands in the page"
    assert HERE.is_dir()


@browser
def test_the_main_road(server: tuple[str, Studio], window: Browser, tmp_path: Path) -> None:
    one = face(window, server[0])
    page = one.page
    assert "Drop a picture here" in page.inner_text("#empty") and one.faults() == []
    asked(one)
    marked = page.locator("#words").inner_text().split()
    assert (
        set(TARGET.split()) <= set(marked)
        and page.locator("#words .new").count()
        and page.locator("#words del").count()
    )
    page.click("[data-where=paint]")
    x, y = one.middle()
    before = one.pixel(x, y)
    one.stroke((-90, -60), (0, 0), (60, 30))
    assert one.until(lambda: one.pixel(x, y) != before) and one.faults() == []
    one.stroke((0, 90), (10, 90))
    page.keyboard.press("z")
    assert len(one.state()["ops"]) == 1
    one.run()
    one.until(lambda: "rows through the network" in page.inner_text("#about"))
    assert one.faults() == []
    for mode in ("side", "difference", "mask", "after", "slider"):
        page.click(f"[data-mode={mode}]")
    page.locator("#slider").focus()
    page.keyboard.press("Home")
    assert page.locator("#slider").input_value() == "0"
    page.click("#accept")
    one.seen("#trail .thumb >> nth=1")
    state = one.state()
    assert state["at"] == 1 and state["path"][0]["masked"] and page.locator("#source").input_value() == TARGET
    page.reload()
    one.ready()
    assert one.state()["at"] == 1 and page.locator("#trail .thumb").count() == 2
    page.click("#undo")
    one.until(lambda: one.state()["at"] == 0 and page.locator("#source").input_value() == SOURCE)
    page.click("#redo")
    one.until(lambda: one.state()["at"] == 1)
    page.click("#save")
    one.seen("#keep-command")
    one.until(lambda: page.inner_text("#keep-command").startswith("overpaint edit PICTURE --method sdedit"))
    assert "options={'steps': 2}" in page.inner_text("#keep-python")
    with page.expect_download() as kept:
        page.click("#keep-png")
    kept.value.save_as(tmp_path / "x.png")
    again = overpaint.rerun(tmp_path / "x.png", model=shared())
    assert (again.picture.rgb == load_picture(tmp_path / "x.png").rgb).all()
    assert one.wrong == []


@browser
def test_news_take_no_click_away(server: tuple[str, Studio], window: Browser) -> None:
    one, asked = face(window, server[0]), list[Route]()
    one.page.route("**/look?*", lambda route: asked.append(route))
    one.drop()
    one.until(lambda: asked)
    one.page.hover("#method")
    one.page.mouse.down()
    far = {"busy": False, "far": True, "words": "No such picture was ever seen here. " * 4, "distance": 9.0}
    asked[0].fulfill(json=far)
    one.page.wait_for_timeout(300)
    one.page.mouse.up()
    one.seen("#cards .card")
    one.page.keyboard.press("Escape")
    one.seen("#note:has-text('ever seen')")
    assert one.wrong == []


@pytest.mark.slow
@browser
def test_what_runs_is_cancelled_and_nothing_is_asked_for_twice(
    server: tuple[str, Studio], window: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowly(monkeypatch, 0.1)
    one = face(window, server[0], "dark", 360)
    asked(one, SOURCE)
    one.page.click("#run")
    one.until(lambda: "next to nothing will change" in one.page.inner_text("#status"))
    one.seen("#accept")
    one.page.click("#accept")
    one.seen("#trail .thumb >> nth=1")
    one.page.fill("#target", TARGET)
    one.page.fill("#option-steps", "60")
    one.page.dispatch_event("#option-steps", "change")
    one.page.click("#run")
    one.until(lambda: one.page.evaluate("document.getElementById('progress').value > 0"))
    counts = server[1].ledger.counts()
    one.page.reload()
    one.ready()
    one.seen("#cancel")
    assert sum(server[1].ledger.counts().values()) == sum(counts.values()), "the reload joins what runs"
    assert one.page.evaluate("document.documentElement.scrollWidth") <= 360 and one.faults() == []
    one.page.click("#undo")
    one.until(lambda: "cancel it, or wait for it" in one.page.inner_text("#error"))
    one.page.click("#cancel")
    one.seen("#run")
    one.until(lambda: server[1].ledger.counts().get("cancelled", 0) == 1)
    assert one.wrong == []


@browser
def test_texts_are_texts_and_errors_are_sentences(server: tuple[str, Studio], window: Browser) -> None:
    one = face(window, server[0])
    asked(one, HOSTILE)
    one.run()
    one.page.click("#accept")
    one.seen("#trail .thumb >> nth=1")
    one.page.click("#history-open")
    one.seen("#history-list .item")
    assert HOSTILE in one.page.inner_text("#history-list")
    one.page.keyboard.press("Escape")
    assert one.page.locator('img[src="x"]').count() == 0
    assert one.page.evaluate(EXCHANGE) == "a green ball, bleugrass"
    one.page.click("[data-where=paint]")
    one.page.click("#run")
    one.until(lambda: "Nothing is painted yet" in one.page.inner_text("#error"))
    one.page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"hello"})
    one.until(lambda: "is not a picture" in one.page.inner_text("#error"))
    assert all("400" in said for said in one.wrong), one.wrong


@pytest.mark.slow
@browser
def test_methods_beside_each_other_grids_words_and_pictures_from_words(
    server: tuple[str, Studio], window: Browser
) -> None:
    one = face(window, server[0])
    page = one.page
    page.fill("#target", SOURCE)
    page.click("#run")
    one.seen("#work")
    page.fill("#target", TARGET)
    page.click("#method")
    for name in ("sdedit", "ddim"):
        page.click(f"#cards .card:has(b:text-is('{name}')) input")
    page.evaluate("document.getElementById('compare').scrollIntoView()")
    page.click("#compare")
    one.seen("#cells .thumb >> nth=1")
    page.locator("#canvas").focus()
    first = page.locator("#cells [aria-current]").inner_text()
    page.keyboard.press("ArrowRight")
    one.until(lambda: page.locator("#cells [aria-current]").inner_text() != first)
    page.keyboard.press("Enter")
    one.until(lambda: one.state()["at"] == 1)
    page.click("#new")
    one.seen("#empty")
    asked(one, method="p2p")
    assert page.input_value("#option-inversion") == ""
    for name, kept in (("direct", "direct"), ("", None)):
        page.select_option("#option-inversion", name)
        one.until(lambda kept=kept: one.state()["options"].get("inversion") == kept)
    page.locator("#words button.new").first.focus()
    page.keyboard.press("ArrowUp")
    one.until(lambda: one.state()["options"].get("reweight"))
    page.click("summary:text-is('More')")
    page.check("#maps")
    one.run()
    page.click("[data-mode=word]")
    one.seen("#word-pick")
    page.click("#discard")
    page.locator("#option-guidance + button").click()
    page.fill("#option-guidance", "2, 7")
    page.dispatch_event("#option-guidance", "change")
    assert page.inner_text("#run") == "Run the grid"
    page.click("#run")
    one.seen("#cells .thumb >> nth=1")
    assert one.wrong == []


@pytest.mark.slow
@browser
def test_masks_are_loaded_kept_and_turned(server: tuple[str, Studio], window: Browser) -> None:
    one = face(window, server[0], touch=True)
    asked(one)
    page = one.page
    page.click("[data-where=paint]")
    for key, places in (
        ("r", ((-60, -60), (60, 60))),
        ("l", ((-9, 0), (9, 40), (40, -9), (-9, 0))),
        ("e", ((0, 0), (9, 9))),
    ):
        page.locator("#canvas").focus()
        page.keyboard.press(key)
        one.stroke(*places)
    page.keyboard.press("i")
    kinds = [op["kind"] for op in one.state()["ops"]]
    assert kinds == ["box", "lasso", "brush", "invert"]
    page.keyboard.press("f")
    page.locator("#canvas").click()
    page.click("text=Edges and surroundings")
    with page.expect_download() as kept:
        page.click("#mask-save")
    saved = decode_picture(Path(kept.value.path()).read_bytes(), "mask")
    assert saved.size == (48, 64) and {0, 255} <= set(saved.rgb.ravel().tolist())
    page.set_input_files("#mask-file", {"name": "m.png", "mimeType": "image/png", "buffer": white()})
    one.until(lambda: "make them equal" in page.inner_text("#error"))
    page.set_input_files("#mask-file", {"name": "m.png", "mimeType": "image/png", "buffer": white(48, 64)})
    one.until(lambda: one.state()["ops"][-1]["kind"] == "picture")
    page.reload()
    one.ready()
    one.run()
    done = server[1].ledger.get(one.state()["looking"])
    sent = decode_picture(server[1].read(done.work["mask"]), "mask")
    assert sent.rgb[0, 0, 0] == 255 and sent.rgb[0, -1, 0] == 0, "as the file that was loaded says"
    assert one.wrong == []


@pytest.mark.slow
@browser
def test_further_edits_are_made_from_the_original(server: tuple[str, Studio], window: Browser) -> None:
    one = face(window, server[0])
    page = one.page
    asked(one)
    first = one.state()["original"]["id"]

    def made() -> dict[str, Any]:
        one.run()
        work = dict(server[1].ledger.get(one.state()["looking"]).work)
        page.click("#accept")
        one.until(lambda: not one.state()["looking"])
        return work

    page.click("[data-where=paint]")
    one.stroke((-90, -60), (0, 0))
    assert "onto" not in made()
    page.click("#mask-clear")
    one.stroke((60, 40), (90, 60))
    one.until(lambda: "from the original inside the mask" in page.inner_text("#cost"))
    second = made()
    assert second["image"] == first and second["onto"] == one.state()["path"][0]["picture"]
    page.click("[data-where=all]")
    page.fill("#target", f"{TARGET} at night")
    whole = made()
    assert whole["image"] == first and whole["whole"] == f"{SOURCE} at night"
    assert [layer["request"]["target"] for layer in whole["layers"]] == [f"{TARGET} at night"] * 2
    page.click("summary:text-is('More')")
    page.select_option("#base", "accepted")
    last = made()
    assert last["image"] == one.state()["path"][2]["picture"] and "layers" not in last
    assert [step["cell"] for step in one.state()["path"]] == [-1] * 4
    page.click("#undo")
    one.until(lambda: one.state()["at"] == 3)
    page.click("#history-open")
    page.locator("#history-list .deep3 button:has-text('Open')").click()
    one.until(lambda: one.state()["at"] == 4)
    assert one.wrong == []


@pytest.mark.slow
@browser
def test_three_widths_in_both_schemes(server: tuple[str, Studio], window: Browser) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme, width in product(schemes, (360, 768, 1600)):
        one = face(window, server[0], scheme, width, touch=width < 800)
        page = one.page

        def fits(one: Face = one, at: tuple[str, int] = (scheme, width)) -> None:
            assert one.page.evaluate("document.documentElement.scrollWidth") <= at[1], at
            assert one.faults() == [], at

        fits()
        asked(one)
        page.click("[data-where=paint]")
        one.stroke((-20, -20), (20, 20))
        fits()
        one.run()
        fits()
        for opener, dialog in OPENERS.items():
            page.click(opener)
            one.seen(dialog)
            fits()
            page.keyboard.press("Escape")
        assert one.wrong == []


OPENERS = {
    "#method": "#methods",
    "#history-open": "#history",
    "#queue-open": "#queue",
    "#help-open": "#help",
    "#save": "#keep",
}
"""What opens each list."""
ELSEWHERE = ("choose", "mask-load", "file", "mask-file", "condition-file", "preset-save", "forget")
"""Controls that open windows of the browser's own; other tests use these."""


@pytest.mark.slow
@browser
def test_every_control_does_something_or_says_why_not(server: tuple[str, Studio], window: Browser) -> None:
    one = face(window, server[0])
    page = one.page
    asked(one)
    one.run()
    page.click("#accept")
    one.seen("#trail .thumb >> nth=1")
    controls: list[str] = page.evaluate(
        "[...document.querySelectorAll('button[id], select[id], input[id], textarea[id]')].map((e) => e.id)"
    )
    kinds: list[str] = page.evaluate(
        "[...document.querySelectorAll('button[data-tool], button[data-where]')].map((e) => e.outerHTML)"
    )
    places = [f"[data-{found[1]}={found[2]}]" for text in kinds for found in re.finditer(TOLD, text)]
    used = [f"#{name}" for name in controls if name not in ELSEWHERE] + places
    assert len(used) > 50
    for place in used:
        page.evaluate(USE, place)
        page.wait_for_timeout(60)
        page.keyboard.press("Escape")
    one.until(lambda: not server[1].ledger.counts().get("running"))
    assert [said for said in one.wrong if "400" not in said] == []
    one.page.reload()
    one.ready()


TOLD = re.compile(r"data-(tool|where)=\"(\w+)\"")
USE = """place => {
    const one = document.querySelector(place);
    if (!one || one.disabled) return;
    if (one.type === "checkbox" || one.tagName === "BUTTON") one.click();
    else for (const kind of ["input", "change"]) one.dispatchEvent(new Event(kind, { bubbles: true }));
}"""


@browser
def test_a_browser_that_lacks_something_is_told_what(server: tuple[str, Studio], window: Browser) -> None:
    page = window.new_context().new_page()
    page.add_init_script("delete window.EventSource")
    page.goto(server[0])
    page.wait_for_selector("#lacking:not([hidden])")
    assert "lacks what the page needs (news from the server)" in page.inner_text("#lacking")
    page = window.new_context().new_page()
    page.route("**/app.js", lambda route: route.fulfill(body="let ?", content_type="text/javascript"))
    page.goto(server[0])
    page.wait_for_selector("#lacking:not([hidden])")
    assert "newer parts of the language" in page.inner_text("#lacking")
