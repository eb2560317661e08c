"""Standard output that is closed, full or left by its reader; terminals without colours, and narrow ones."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.kit import SOURCE, TARGET, overpaint, save_picture

from overpaint.cli import words
from overpaint.cli.app import COMMANDS

SINKS = {
    "closed": '"$@" >&-',
    "full": '"$@" >/dev/full',
    "left": '"$@" | true',
    "all closed": '"$@" <&- >&- 2>&-',
    "only the error stream closed": '"$@" 2>&-',
    "errors into a full disk": '"$@" 2>/dev/full',
}


def shell(sink: str, *args: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    """A command whose streams are as a shell makes them; its own exit code, not that of a reader."""
    command = ["bash", "-c", f"set -o pipefail; {SINKS[sink]}", "-", sys.executable, "-m", "overpaint"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **more}
    return subprocess.run(
        [*command, *map(str, args)], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.sample(8)
@pytest.mark.parametrize("sink", SINKS)
@pytest.mark.parametrize(
    "args", [["methods"], ["methods", "--json"], ["--help"], ["--version"]], ids=" ".join
)
def test_what_nobody_hears_is_no_failure(sink: str, args: list[str]) -> None:
    done = shell(sink, *args)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("sink", SINKS)
def test_what_is_wrong_has_its_exit_code_whoever_hears(sink: str) -> None:
    done = shell(sink, "methods", "--family", "sd9")
    assert done.returncode == 2
    assert done.stderr.count("\n") == (0 if "2>" in SINKS[sink] else 1)


@pytest.mark.sample(1)
@pytest.mark.parametrize(("sink", "more"), [("closed", []), ("full", ["--json"]), ("all closed", [])])
def test_work_whose_answer_is_lost_is_done_and_says_what_was_written(
    sink: str, more: list[str], folder: Path, picture: Path
) -> None:
    out = picture.with_name("out.png")
    asked = ("--source", SOURCE, "--target", TARGET, "--model", folder, "--steps", "1", "-o", out, *more)
    done = shell(sink, "edit", picture, *asked)
    assert done.returncode == 0 and out.stat().st_size > 0
    if sink != "all closed":
        assert f"Wrote {out}" in done.stderr and "internal error" not in done.stderr
    quiet = overpaint("edit", picture, *asked[: -1 if more else None], "--overwrite", *more)
    assert quiet.code == 0 and "Wrote" not in quiet.err


def test_colours_only_where_they_are_shown_and_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdout", Terminal())
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    assert words.coloured()
    for name, value in (("NO_COLOR", "1"), ("TERM", "dumb")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            assert not words.coloured()


def on_terminal(*args: str | Path, **more: str) -> tuple[int, str]:
    """A command on a terminal of 40 columns: its exit code and all it showed."""
    script = 'stty cols 40 rows 24; exec "$@"'
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm", **more}
    environment.pop("COLUMNS", None)
    code = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = [sys.executable, "-c", code, "bash", "-c", script, "-", sys.executable, "-m", "overpaint"]
    done = subprocess.run(
        [*command, *map(str, args)], capture_output=True, text=True, check=False, env=environment
    )
    return done.returncode, done.stdout


def test_nothing_is_cut_on_a_narrow_terminal() -> None:
    code, shown = on_terminal("methods")
    assert code == 0 and "…" not in shown and max(map(len, shown.splitlines())) <= 40
    wide = overpaint("methods", "--json").out
    assert all(f"\n{name}" in "\n" + shown.replace("\r", "") for name in ("p2p", "sdedit")) and "p2p" in wide
    code, shown = on_terminal("--help")
    assert code == 0 and all(name in shown for name in COMMANDS)


@pytest.mark.sample(1)
@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_work_on_a_terminal_without_colours(folder: Path, tmp_path: Path, more: dict[str, str]) -> None:
    picture, out = save_picture(tmp_path / "cat.png"), tmp_path / "out.png"
    asked = ("--source", SOURCE, "--target", TARGET, "--model", folder, "--steps", "1", "-o", out)
    code, shown = on_terminal("edit", picture, *asked, **more)
    assert code == 0 and "Wrote" in shown and "internal error" not in shown
    code, shown = on_terminal("show", out, **more)
    assert code == 0 and "[-cat-] {+dog+}" in shown and "\x1b[3" not in shown
