import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.comparing.kit import SOURCE, TARGET, asked, small
from tests.kit import clean, shared

import overpaint
from overpaint.bench.results import Results
from overpaint.choosing.choices import Choice
from overpaint.choosing.score import Score, shipped
from overpaint.comparing import comparison
from overpaint.comparing import run as module
from overpaint.comparing.seeing import OWN
from overpaint.errors import UsageError
from overpaint.images import Picture, load_picture, save_picture
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run import auto


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "results.jsonl").read_text().splitlines()]


def test_it_is_a_list_of_edits_that_shows_itself() -> None:
    found = overpaint.compare(small(), **asked())
    assert len(found) == 3 and [one.recipe.method for one in found] == [one.method for one in found.cells]
    assert {one.method for one in found.cells} == {"sdedit", "ddim", "p2p"}
    assert repr(found) == "<Comparison of 3 edits>"
    shown = found._repr_html_()  # pyright: ignore[reportPrivateUsage]
    assert shown.count("<tr>") == 4 and "<th>rows</th>" in shown
    assert found[0].picture.size == (32, 32) and found[:2] == found.edits[:2]
    assert b"<script" in found.html and clean(shared())


def test_edits_are_those_that_each_method_makes_by_itself() -> None:
    found = overpaint.compare(small(), **asked(methods=["p2p"]))
    alone = overpaint.edit(small(), source=SOURCE, target=TARGET, model=shared(), steps=2)
    assert (found[0].picture.rgb == alone.picture.rgb).all()


def test_one_inversion_serves_all_and_the_cheapest_comes_first(tmp_path: Path) -> None:
    grid = {"inversion": ["ddim"], "guidance": [2, 3]}
    found = overpaint.compare(small(), folder=tmp_path, **asked(methods="ddim", grid=grid))
    rows = [(line["figures"]["rows"], line["figures"]["rows_alone"]) for line in lines(tmp_path)]
    assert rows == [(6, 6), (4, 6)]
    assert [one.title for one in found.cells if one.error] == []
    overpaint.compare(small(), folder=tmp_path / "more", **asked())
    assert [line["method"] for line in lines(tmp_path / "more")] == ["sdedit", "ddim", "p2p"]


def test_another_call_goes_on_and_does_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = overpaint.compare(small(), folder=tmp_path, **asked(methods="sdedit,ddim"))
    second = overpaint.compare(small(), folder=tmp_path, **asked())
    assert [line["method"] for line in lines(tmp_path)] == ["sdedit", "ddim", "p2p"]
    kept = {one.title: one.edit.picture.rgb for one in second.cells if one.edit}
    for one in first.cells:
        assert one.edit is not None and (kept[one.title] == one.edit.picture.rgb).all()
    again = overpaint.compare(small(), folder=tmp_path, **asked(seed=1))
    assert len(lines(tmp_path)) == 6 and len(again) == 3


def test_what_is_damaged_is_made_again_or_left_out(tmp_path: Path) -> None:
    options = asked(methods="p2p", grid={"cross_replace": [0.2, 0.8]}, words=["dog"])
    first = overpaint.compare(small(), folder=tmp_path, **options)
    lost, left = (place for place in tmp_path.rglob("pictures/**/*.png") if "." not in place.stem)
    lost.write_bytes(lost.read_bytes()[:300])
    left.with_name(f"{left.stem}.word0.png").write_bytes(b"no picture")
    second = overpaint.compare(small(), folder=tmp_path, **options)
    assert [[len(one.words) for one in found.cells] for found in (first, second)] in (
        [[1, 1], [0, 1]],
        [[1, 1], [1, 0]],
    )
    for before, after in zip(first.edits, second.edits, strict=True):
        assert (before.picture.rgb == after.picture.rgb).all()


def test_what_an_edit_looks_at_beside_the_picture_is_known_by_its_content(tmp_path: Path) -> None:
    below, mask = (Picture(small().rgb * 0) for _ in range(2))
    mask.rgb[8:24, 8:24] = 255
    said = asked(methods="sdedit", mask=mask, folder=tmp_path)
    for grey in (0, 99):
        below.rgb[:] = grey
        found = overpaint.compare(small(), onto=below, **said)
        assert (found[0].picture.rgb[:8] == grey).all(), "not that of the one before"
    assert len(lines(tmp_path)) == 2
    overpaint.compare(small(), onto=below, **said)
    assert len(lines(tmp_path)) == 2


def test_a_failure_is_a_cell_and_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.run_patiently

    def fail(job: Any, meter: Meter) -> Any:
        if job.method.card.name == "ddim":
            raise ZeroDivisionError("x")
        return real(job, meter)

    monkeypatch.setattr(module, "run_patiently", fail)
    found = overpaint.compare(small(), folder=tmp_path, **asked(methods="sdedit,ddim,sega"))
    said = {one.method: one.error for one in found.cells}
    assert said["sdedit"] == "" and said["ddim"].startswith("Internal error (ZeroDivisionError: x)")
    assert (
        said["sega"].startswith("There is no concept") and repr(found) == "<Comparison of 1 edits, 2 failed>"
    )
    page = (tmp_path / "report.html").read_text()
    assert "ZeroDivisionError" in page and "There is no concept" in page
    monkeypatch.undo()
    assert len(overpaint.compare(small(), folder=tmp_path, **asked(methods="sdedit,ddim"))) == 2


def test_what_was_finished_is_kept_when_it_is_stopped(tmp_path: Path) -> None:
    def stop(meter: Meter) -> None:
        if meter.rows > 4:
            meter.cancel()

    with pytest.raises(Cancelled):
        overpaint.compare(small(), folder=tmp_path, meter=Meter(on_tick=stop), **asked())
    assert [line["method"] for line in lines(tmp_path)] == ["sdedit"]
    assert "the comparison was stopped" in (tmp_path / "report.html").read_text()
    assert load_picture(tmp_path / "sheet.png").size[1] > 300 and clean(shared())


def test_the_report_grows_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = module.run_patiently, list[str]()

    def looked(job: Any, meter: Meter) -> Any:
        there = tmp_path / "report.html"
        seen.append(there.read_text() if there.exists() else "")
        return real(job, meter)

    monkeypatch.setattr(module, "run_patiently", looked)
    monkeypatch.setattr(comparison, "PAUSE", 0.0)
    monkeypatch.setattr(comparison, "SHARE", 0.0)
    overpaint.compare(small(), folder=tmp_path, **asked())
    assert [text.count("overpaint edit PICTURE") for text in seen] == [0, 1, 2]
    assert "2 edits are not done yet" in seen[1] and seen[1].count("Not done yet") == 2
    assert "1 edits are not done yet" in seen[2] and load_picture(tmp_path / "sheet.png").size
    done = (tmp_path / "report.html").read_text()
    assert done.count("overpaint edit PICTURE") == 3 and "not done yet" not in done.lower()


def test_a_report_is_written_again_after_a_while_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, left = comparison.finished, list[int]()

    def counted(comparing: Any, folder: Path | None, still: int = 0) -> Any:
        left.append(still)
        return real(comparing, folder, still)

    monkeypatch.setattr(comparison, "finished", counted)
    monkeypatch.setattr(comparison, "PAUSE", 1e6)
    overpaint.compare(small(), folder=tmp_path, **asked())
    assert left == [2, 0]
    left.clear()
    overpaint.compare(small(), folder=tmp_path / "checked", **asked(check=True))
    assert left == [2, 0, 0]  # what is asked for nothing comes behind, and may be killed too


def test_a_budget_ends_it(tmp_path: Path) -> None:
    found = overpaint.compare(small(), folder=tmp_path, budget="0.0001s", **asked())
    assert len(found) == 0 and all(one.error.startswith("Not begun: it takes about") for one in found.cells)
    assert len(overpaint.compare(small(), folder=tmp_path, budget="5min", **asked())) == 3


def test_what_is_changed_unasked_is_seen_where_that_is_cheap(tmp_path: Path) -> None:
    found = overpaint.compare(small(), folder=tmp_path, **asked(methods="ddim", check=True))
    (one,) = found.cells
    assert one.unasked is not None and one.figures["unasked"] == one.unasked["psnr"]
    assert "Asked for nothing" in (tmp_path / "report.html").read_text()
    overpaint.compare(small(), folder=tmp_path, **asked(methods="ddim", check=True))
    assert len(lines(tmp_path)) == 2


def test_words_and_masks_are_shown() -> None:
    mask = Picture(small().rgb * 0)
    mask.rgb[8:24, 8:24] = 255
    found = overpaint.compare(small(), mask=mask, words=["dog"], **asked(methods="ddim"))
    (one,) = found.cells
    assert [word for word, _ in one.words] == ["dog"] and one.words[0][1].size[1] >= 32
    assert one.figures["psnr_outside_pasted"] == 100 and one.figures["psnr_outside"] < 60
    page = found._repr_html_()  # pyright: ignore[reportPrivateUsage]
    for name in ("psnr", "ssim", "mse"):
        left, pasted = (OWN[f"{name}_outside{ending}"] for ending in ("", "_pasted"))
        assert f"<th>{left.title}</th>" in page and f"<th>{pasted.title}</th>" in page
    assert one.figures["ssim_outside_pasted"] > one.figures["ssim_outside"]
    assert one.figures["mse_outside_pasted"] == 0 < one.figures["mse_outside"]
    with pytest.raises(UsageError, match="The word 'cow' is not in the target prompt"):
        overpaint.compare(small(), words=["cow"], **asked())


@pytest.mark.parametrize("said", ["Dog", "photo of", "dog,"])
def test_a_word_that_is_taken_is_shown(said: str) -> None:
    (one,) = overpaint.compare(small(), words=[said], **asked(methods="ddim")).cells
    assert [word for word, _ in one.words] == said.lower().strip(",").split()


def test_a_bound_of_memory_holds_and_is_in_the_command() -> None:
    (one,) = overpaint.compare(small(), memory="4GB", **asked(methods="ddim")).cells
    assert one.recipe is not None and "--memory 4GB" in one.command
    with pytest.raises(UsageError, match="'much' is no amount of memory"):
        overpaint.compare(small(), memory="much", **asked(methods="ddim"))


def test_signals_are_those_by_which_a_method_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the model is shown a part of the picture."""
    y, x = np.mgrid[0:40, 0:72] / 72
    wide = Picture((np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x * y)], -1) * 255).astype(np.uint8))
    said = {"fit": "crop", "steps": 2}
    found = overpaint.compare(wide, **asked(methods="sdedit", **said))
    monkeypatch.setattr(auto, "USUAL", (Choice(method="sdedit", said={"steps": 2}),))

    def score(model: Model) -> Score | None:
        return shipped() if model is shared() else None

    monkeypatch.setattr(auto, "score_of", score)
    own: dict[str, Any] = {"source": SOURCE, "target": TARGET, "model": shared(), "fit": "crop"}
    chosen = overpaint.edit(wide, method="auto", **own)
    assert (chosen.picture.rgb == found[0].picture.rgb).all()
    (tried,) = chosen.tried
    assert {name: round(value, 6) for name, value in tried.signals.items()} == found.cells[0].signals


def test_the_command_makes_the_same_edit(tmp_path: Path) -> None:
    picture = tmp_path / "a cat.png"
    save_picture(small(), picture)
    said = {"steps": 2, "blend": "cat=>dog", "tuned": "published", "seed": 3}
    found = overpaint.compare(picture, **asked(methods="p2p", **said))
    (one,) = found.cells
    words = shlex.split(one.command)
    assert words[:3] == ["overpaint", "edit", str(picture)] and words[words.index("--seed") + 1] == "3"
    assert words[words.index("--blend") + 1] == "cat=>dog" and words[words.index("--source") + 1] == SOURCE


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"target": ""}, "What the picture should show is not said"),
        ({"budget": "soon"}, "'soon' is no time; write it as 60s, 5min or 1h"),
        ({"methods": "sega"}, "There is no concept"),
        ({"grid": {"stepz": [1]}}, "did you mean 'steps'"),
        ({"methods": "p2p", "steps": "many"}, "The option 'steps' must be a whole number"),
    ],
)
def test_what_cannot_be_is_refused(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        overpaint.compare(small(), **asked(**more))


def test_a_report_of_somebody_else_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(UsageError, match=r"holds a report\.html that no comparison made"):
        overpaint.compare(small(), folder=tmp_path, **asked())
    assert (tmp_path / "report.html").read_text() == "mine"


def test_two_processes_do_not_share_a_picture(tmp_path: Path) -> None:
    overpaint.compare(small(), folder=tmp_path, **asked(methods="sdedit"))
    (line,) = lines(tmp_path)
    (tmp_path / "report.html").write_text("that of the other one")
    with Results.opened(tmp_path).claimed(line["case"]), pytest.raises(UsageError, match="Another process"):
        overpaint.compare(small(), folder=tmp_path, **asked())
    assert (tmp_path / "report.html").read_text() == "that of the other one"


def test_a_file_is_no_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        UsageError, match=r"A comparison is written to a folder, and .* is a file; choose another name"
    ):
        overpaint.compare(small(), folder=tmp_path / "file", **asked())


def test_a_mistake_where_nothing_is_asked_does_not_end_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(twin: Any, meter: Meter) -> Any:
        raise ZeroDivisionError("x")

    monkeypatch.setattr(module, "unasked", fail)
    found = overpaint.compare(small(), folder=tmp_path, **asked(methods="sdedit,ddim", check=True))
    assert len(found) == 2 and all(one.unasked is None for one in found.cells)


def test_it_says_when_the_score_is_older_than_the_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(model: Model) -> tuple[str, ...]:
        return ("It is old.",) if model is shared() else ()

    monkeypatch.setattr(comparison, "stale_notes", said)
    assert "It is old." in overpaint.compare(small(), **asked(methods="sdedit")).notes
