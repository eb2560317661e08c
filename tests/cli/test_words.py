import pytest

from overpaint.cli.words import duration, one_line, say, shown


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("ein grüner Ball, 緑", "ein grüner Ball, 緑"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\u202eb", "a\\u202eb"),
        ("a\udcffb", "a\\udcffb"),
        ("\x9b2J", "\\x9b2J"),
    ],
)
def test_nothing_that_steers_a_terminal_gets_through(text: str, safe: str) -> None:
    assert shown(text) == safe


def test_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert one_line("a\n  b\r\nc") == "a b c"
    say("x\ny")
    assert capsys.readouterr().err == "x y\n"


def test_durations() -> None:
    assert [duration(s) for s in (0.04, 12.34, 600.0)] == ["0.0 s", "12.3 s", "10.0 min"]
