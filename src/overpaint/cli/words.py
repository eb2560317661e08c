"""Text for terminals: nothing a file or a prompt holds may steer one."""

import sys

import click


def shown(text: str) -> str:
    """The text with everything that does not print written as an escape."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def one_line(text: str) -> str:
    """The same on one line."""
    return shown(" ".join(text.split()))


def say(text: str) -> None:
    """A sentence for the person at the keyboard, apart from what programs read."""
    click.echo(one_line(text), err=True)


def duration(seconds: float) -> str:
    """A time for people."""
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


def interactive() -> bool:
    """Whether somebody watches what is said."""
    return sys.stderr.isatty()
