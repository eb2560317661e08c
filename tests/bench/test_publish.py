from pathlib import Path

import pytest
from tests.bench.kit import first
from tests.bench.test_table import FLOOR, LINES, P2P, line
from tests.pages.kit import browser, opened

from overpaint.bench.publish import PAGE, TABLE, publish
from overpaint.bench.results import FILE, PICTURES, ROWS, Results, row_key
from overpaint.bench.table import as_csv, rows
from overpaint.errors import UsageError
from overpaint.images import load_picture, save_picture

CASES = [first("colour")[0], first("style")[0]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    results = Results.opened(tmp_path / "made")
    for one in LINES:
        results.add(one)
    picture = first("colour")[1].source
    place = results.folder / PICTURES / CASES[0].name
    place.mkdir(parents=True)
    save_picture(picture, place / f"{row_key(P2P)}.png", {}, overwrite=True)
    return results.folder


def test_what_is_published_is_the_same_results(folder: Path, tmp_path: Path) -> None:
    publish(Results.read(folder), tmp_path / "kept", CASES)
    again = Results.read(tmp_path / "kept")
    before = rows(list(Results.read(folder).lines.values()))
    assert as_csv(rows(list(again.lines.values()))) == as_csv(before) and not again.damaged
    size = (tmp_path / "kept" / FILE).stat().st_size
    assert size < 0.5 * (folder / FILE).stat().st_size
    assert load_picture(tmp_path / "kept" / PICTURES / f"{row_key(P2P)}.webp").size == (128, 256)


def test_figures_are_rounded_and_what_rows_are_known_by_is_not(tmp_path: Path) -> None:
    made = Results.opened(tmp_path / "made")
    variant = {**P2P, "options": {"rate": 0.123456789}}
    for case, threads in (("colour-01", 1), ("style-01", 2)):
        told = {**line(variant, case, success=True, psnr_whole=31.23456789), "device": "cpu"}
        made.add({**told, "threads": threads})
    publish(made, tmp_path / "kept")
    lines = Results.read(tmp_path / "kept").lines
    assert {(case, row) for case, row in lines} == {(c, row_key(variant)) for c in ("colour-01", "style-01")}
    assert {one["figures"]["psnr_whole"] for one in lines.values()} == {31.235}
    assert [(one["device"], one["threads"]) for one in lines.values()] == [("cpu", 1), ("cpu", 2)]
    kept = (tmp_path / "kept" / FILE).read_text()
    assert "cpu" not in kept and kept.count("threads") == 2


def test_lines_hold_values_whose_names_stand_with_their_row(folder: Path, tmp_path: Path) -> None:
    publish(Results.read(folder), tmp_path / "kept")
    kept, made = Results.read(tmp_path / "kept").lines, Results.read(folder).lines
    assert {name: dict(one.get("figures", {})) for name, one in kept.items()} == {
        name: dict(one.get("figures", {})) for name, one in made.items()
    }
    assert all("names" not in one for one in kept.values())
    assert "psnr_inside" not in (tmp_path / "kept" / FILE).read_text()
    assert "psnr_inside" in (tmp_path / "kept" / ROWS).read_text()


def test_what_came_off_most_often_stands_first(tmp_path: Path) -> None:
    made = Results.opened(tmp_path / "made")
    for inversion, successes in {"a": (False, True), "b": (True, True), "c": (False, False)}.items():
        variant = {**P2P, "inversion": inversion}
        for case, success in zip(("colour-01", "style-01"), successes, strict=True):
            made.add(line(variant, case, success=success))
    made.add(line(FLOOR, "colour-01", success=False))
    publish(made, tmp_path / "kept")
    table = (tmp_path / "kept" / TABLE).read_text().splitlines()
    titles = [one.split("|")[1].strip() for one in table[2:6]]
    assert titles == ["source untouched", "p2p b steps=2", "p2p a steps=2", "p2p c steps=2"]


def test_publishing_adds_and_replaces(folder: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    publish(Results.read(folder), kept, CASES)
    more = Results.opened(tmp_path / "more")
    more.add(line(P2P, "colour-01", success=True, rows=9))
    more.add(line(FLOOR, "colour-01", success=False))
    publish(more, kept, CASES)
    found = Results.read(kept).lines
    assert len(found) == len(LINES) + 1
    assert found["colour-01", row_key(P2P)]["figures"] == {"success": True, "rows": 9}
    assert (kept / PICTURES / f"{row_key(P2P)}.webp").exists()
    own = Results.opened(kept)  # and it is a folder to go on in
    own.add(line(P2P, "style-02", success=True))
    assert len(Results.read(kept).lines) == len(LINES) + 2


def test_results_are_not_published_over_themselves(folder: Path, tmp_path: Path) -> None:
    before = (folder / FILE).read_bytes()
    with pytest.raises(UsageError, match="to another one"):
        publish(Results.read(folder), folder)
    assert (folder / FILE).read_bytes() == before
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("mine")
    with pytest.raises(UsageError, match=r"index\.html, which was not published"):
        publish(Results.read(folder), tmp_path / "site")
    assert (tmp_path / "site" / "index.html").read_text() == "mine"
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="cannot be written to"):
        publish(Results.read(folder), tmp_path / "file")


@browser
def test_the_page_sorts_shows_types_and_pictures(folder: Path, tmp_path: Path) -> None:
    publish(Results.read(folder), tmp_path / "kept", CASES)
    with opened(tmp_path / "kept" / PAGE) as shown:
        page = shown.page
        assert shown.column("") == ["source untouched", "p2p direct steps=2"]
        page.locator("th[data-name=success] button").click()
        assert shown.column("")[0] == "p2p direct steps=2" and "0.50 (" in shown.column("success")[0]
        assert shown.text("#name") == "p2p direct steps=2"
        told = page.locator("figcaption").all_inner_texts()
        assert len(told) == 2 and told[0].endswith("came off") and told[0].startswith("colour-00")
        page.locator("#types button", has_text="style").click()
        assert shown.column("success") == ["0.50 (0.00 to 1.00)"]
        assert shown.wrong == []


@browser
def test_a_page_without_a_judge_shows_nothing_of_one_nor_columns_of_nothing(tmp_path: Path) -> None:
    made = Results.opened(tmp_path / "made")
    for case in ("object-01", "style-01"):
        made.add({**line(P2P, case, pie_psnr=27.0, rows=8.0), "networks": {}})
    publish(made, tmp_path / "kept")
    with opened(tmp_path / "kept" / PAGE) as shown:
        heads = [name.lower() for name in shown.page.locator("th").all_inner_texts()]
        assert heads == ["name", "rows", "psnr out"] and shown.column("pie_psnr") == ["27.00"]
        assert not shown.page.locator("#scatter").is_visible()
        said = shown.text("main")
        assert "come off" not in said and "Success" not in said and "right answer" not in said
        assert shown.wrong == []
