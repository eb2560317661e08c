import io
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.batch.kit import filled
from tests.cli.kit import TARGET, Said, overpaint
from tests.pages.kit import browser, opened

from overpaint.cli import batching
from overpaint.ledger.worker import Worker


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    return filled(tmp_path / "in")


def run(pictures: Path | str, folder: Path, out: Path, *more: str | Path) -> Said:
    own = ("--target", TARGET, "--method", "sdedit", "--model", folder, "--steps", "2", "--no-look")
    return overpaint("batch", pictures, "--out", out, *own, *more)


def test_a_folder_is_edited_and_the_same_command_finds_it_done(
    pictures: Path, folder: Path, tmp_path: Path
) -> None:
    said = run(pictures, folder, tmp_path / "out")
    assert said.code == 0, said.err
    assert "3 pictures to edit." in said.err and "3 done;" in said.out
    assert f"Wrote {tmp_path}/out/report.html" in said.out
    again = run(pictures, folder, tmp_path / "out", "--json")
    assert "0 pictures to edit, 3 done before." in again.err and again.code == 0
    assert again.figures["counts"] == {"done": 3} and again.figures["failed"] == []


def test_what_fails_is_a_line_a_row_of_the_report_and_an_exit_code(
    pictures: Path, folder: Path, tmp_path: Path
) -> None:
    (pictures / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (pictures / "list.csv").write_text("image\ncat0.png\nbroken.png\nno.png\n")
    said = run(pictures / "list.csv", folder, tmp_path / "out")
    assert said.code == 1 and "1 cannot be done" in said.err
    assert "no.png (row 4): There is no file" in said.err and "broken.png: " in said.err
    assert "1 done, 1 failed" in said.out
    tried = run(pictures / "list.csv", folder, tmp_path / "out", "--retry-failed", "--json")
    assert tried.code == 1 and "1 tried again" in tried.err
    assert [one["name"] for one in tried.figures["failed"]] == ["broken.png", "no.png (row 4)"]


def test_a_dry_run_says_what_it_would_take_and_writes_nothing(
    pictures: Path, folder: Path, tmp_path: Path
) -> None:
    said = run(pictures, folder, tmp_path / "out", "--dry-run", "--name", "{folder}/{stem}-{method}.webp")
    assert said.code == 0 and not (tmp_path / "out").exists()
    assert said.out.startswith("3 pictures: at most 6 rows through the network, about ")
    assert f"{pictures}/deep/cat2.png → deep/cat2-sdedit.webp: sdedit, {TARGET}" in said.out
    many = ("--engine", "ray", "--workers", "4")
    data = run(pictures, folder, tmp_path / "out", "--dry-run", "--json", "--limit", "2", *many).figures
    assert (
        data["workers"] == 4
        and data["pictures"] == 2
        and data["memory"] > 0
        and data["first"][0]["name"] == "cat0.png"
    )


def test_names_on_standard_input(
    pictures: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = io.TextIOWrapper(io.BytesIO(f"{pictures}/cat0.png\n".encode()))

    def lines() -> Any:
        return (os.fsdecode(line) for line in names.buffer)

    monkeypatch.setattr(batching, "lines", lines)
    assert run("-", folder, tmp_path / "out").code == 0
    assert (tmp_path / "out" / "cat0.png").exists()


def test_ctrl_c_gives_the_work_back_and_the_same_command_goes_on(
    pictures: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if threading.current_thread() is not threading.main_thread():
        pytest.skip("signals reach the main thread alone")
    real = Worker.run

    def interrupted(worker: Worker, forever: bool = False) -> None:
        note = worker.note

        def then(entry: Any) -> None:
            note(entry)
            os.kill(os.getpid(), signal.SIGINT)

        worker.note = then
        real(worker, forever)

    monkeypatch.setattr(Worker, "run", interrupted)
    said = run(pictures, folder, tmp_path / "out")
    assert said.code == 130 and "Stopped; the same command goes on" in said.err and "1 done" in said.out
    monkeypatch.undo()
    again = run(pictures, folder, tmp_path / "out")
    assert again.code == 0 and "2 pictures to edit, 1 done before." in again.err


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--name", "{stem}"), "choose a name ending in .png"),
        (("--name", "{what}.png"), "No column is called 'what'"),
        (("--target", "{what}"), "No column is called 'what'"),
        (("--masks", "no"), "There is no folder no of masks"),
        (("--mask", "no.png"), "There is no file no.png"),
        (("--stepz", "3"), "did you mean --steps"),
        (("--quality", "50"), "A PNG loses nothing"),
        (("--model", "no/model"), "no/model"),
    ],
)
def test_a_wish_that_cannot_be_is_one_sentence(
    pictures: Path, folder: Path, tmp_path: Path, more: tuple[str, ...], sentence: str
) -> None:
    said = run(pictures, folder, tmp_path / "out", *more)
    assert said.code in (1, 2) and sentence in said.err, said


def test_a_report_of_somebody_else_is_kept(pictures: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("mine")
    said = run(pictures, folder, tmp_path / "out")
    assert said.code == 2 and "was not written by a batch" in said.err
    assert not (tmp_path / "out" / ".overpaint").exists()


def test_the_queue_is_listed_and_steered(pictures: Path, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "There is no queue in" in overpaint("queue", out).err
    (pictures / "broken.png").write_bytes(b"no picture")
    run(pictures, folder, out)
    said = overpaint("queue", out)
    assert said.out.startswith("3 done, 1 failed\n") and "broken.png: " in said.out
    listed = json.loads(overpaint("queue", out, "--json", "--state", "failed").out)
    assert [one["work"]["name"] for one in listed] == ["broken.png"]
    (failed,) = listed
    assert "is not a picture" in overpaint("queue", out, "show", failed["id"][:6]).out
    assert f"{failed['id']} is queued" in overpaint("queue", out, "retry", failed["id"]).out
    assert f"{failed['id']} is cancelled" in overpaint("queue", out, "cancel", failed["id"]).out
    assert "Paused" in overpaint("queue", out, "pause").out and "(paused)" in overpaint("queue", out).out
    assert "Work is handed out again" in overpaint("queue", out, "resume").out
    assert "Say which work to cancel" in overpaint("queue", out, "cancel").err
    assert "No piece of work" in overpaint("queue", out, "show", "zzz").err
    assert "Forgot 4 pieces" in overpaint("queue", out, "prune").out
    assert overpaint("queue", out).out.strip() == "Nothing in it"


@browser
def test_the_report_shows_pictures_and_failures_as_text(pictures: Path, folder: Path, tmp_path: Path) -> None:
    (pictures / "<img src=x onerror=alert(1)>.png").write_bytes(b"no picture")
    run(pictures, folder, tmp_path / "out")
    for scheme in ("light", "dark"):
        with opened(tmp_path / "out" / "report.html", scheme) as shown:
            assert shown.text("#counts") == "3 done, 1 failed"
            assert shown.page.locator(".pair").count() == 3 and shown.page.locator(".pair img").count() == 6
            assert "<img src=x onerror=alert(1)>.png" in shown.text("#failed")
            assert shown.wrong == []
            if os.environ.get("SHOTS"):
                shown.page.screenshot(path=f"/tmp/batch-{scheme}.png", full_page=True)
