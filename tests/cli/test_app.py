import os
import resource
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import click
import pytest
from tests.cli.kit import overpaint

from overpaint.cli.app import COMMANDS, app, guarded, sentence
from overpaint.errors import OverpaintError, UsageError

LIGHT = [["--help"], ["methods"], ["methods", "--json"], ["edit", "--method", "p2p", "--help"], ["--version"]]


@pytest.mark.parametrize("args", LIGHT, ids=" ".join)
def test_help_answers_at_once_and_without_torch(args: list[str]) -> None:
    code = """
import sys
from overpaint.cli.app import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert not end.code, end.code
assert not {"torch", "numpy", "PIL", "diffusers"} & set(sys.modules)
"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
    # Time on a processor, because others may be running.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_every_command_has_a_summary_of_one_line() -> None:
    ctx = click.Context(app)
    for name in COMMANDS:
        command = app.get_command(ctx, name)
        assert command is not None
        assert command.get_short_help_str(60)
    assert overpaint("--help").out.count("\n") >= len(COMMANDS)


def failing(error: BaseException) -> Callable[[], Any]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UsageError("There is no such thing."), 2, "There is no such thing."),
        (OverpaintError("It cannot be.\nReally \x1b[31mnot."), 2, "It cannot be. Really \\x1b[31mnot."),
        (click.UsageError("Missing it."), 2, "Missing it."),
        (click.Abort(), 130, "Cancelled; nothing was written."),
        (KeyboardInterrupt(), 130, "Cancelled; nothing was written."),
        (MemoryError(), 2, "does not fit into memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), 2, "fit into memory"),
        (KeyError("x"), 1, "internal error (KeyError: 'x'); please report it"),
    ],
)
def test_every_error_is_one_line_and_an_exit_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(failing(error)) == code
    seen = capsys.readouterr()
    assert said in seen.err
    assert (seen.out, seen.err.count("\n")) == ("", 1)
    assert "Traceback" not in seen.err


def test_the_traceback_is_there_for_who_asks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERPAINT_DEBUG", "1")
    assert guarded(failing(KeyError("x"))) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_error_of_ours() -> None:
    code = "from overpaint.cli.app import app; app(['methods', '--json'])"
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert done.stderr == b""


def test_exit_codes_of_work_that_ends_well() -> None:
    assert guarded(lambda: None) == 0
    assert guarded(lambda: 130) == 130
    assert sentence(click.NoSuchOption("--stepz", possibilities=["--steps"])) == (
        "There is no option --stepz; did you mean --steps?"
    )
