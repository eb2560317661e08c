"""Names and places as nobody meant them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.corpus.kit import SOURCE, TARGET, Args, Case, Fine, Place, verify


def pipe(p: Place) -> Path:
    os.mkfifo(p.tmp / "pipe.png")
    return p.tmp / "pipe.png"


def loop(p: Place) -> Path:
    p.link("a.png", "b.png")
    return p.link("b.png", "a.png")


def inside(p: Place) -> Path:
    (p.tmp / "inside").mkdir()
    return p.tmp / "inside"


def kept(make: Callable[[Place], Path]) -> Callable[[Place], Args]:
    return lambda p: p.of(make(p))


def written(name: str) -> Callable[[Place], Args]:
    return lambda p: p.edit("-o", p.tmp / name)


READ: dict[str, Case] = {
    "a line break in a name": (kept(lambda p: p.copied("a\nb.png")), Fine),
    "letters of other scripts": (kept(lambda p: p.copied("кот 猫 🐈.png")), Fine),
    "bytes that are no text": (kept(lambda p: p.copied(os.fsdecode(b"a\xff.png"))), Fine),
    "a leading dash": (
        lambda p: ["edit", *p.of("x", "--")[2:], p.copied("-rf.png").name],
        Fine,
    ),
    "blanks around": (kept(lambda p: p.copied(" cat .png")), Fine),
    "no ending": (kept(lambda p: p.copied("cat")), Fine),
    "three hundred letters": (kept(lambda p: p.tmp / ("c" * 300 + ".png")), "c.png"),
    "a folder": (kept(lambda p: p.tmp), "is a folder"),
    "a file as a folder": (kept(lambda p: p.picture / "cat.png"), "There is no file"),
    "a link to nothing": (kept(lambda p: p.link("l.png", "nothing.png")), "There is no file"),
    "links in a ring": (kept(loop), "cannot be read"),
    "a link to a picture": (kept(lambda p: p.link("l.png", p.picture)), Fine),
    "a pipe": (kept(pipe), "is not a file"),
    "a device": (kept(lambda p: Path("/dev/zero")), "is not a file"),
    "an address": (lambda p: p.of("https://example.org/cat.png"), "There is no file"),
    "a file address": (lambda p: p.of(f"file://{p.picture}"), "There is no file"),
    "a home that is not there": (lambda p: p.of("~nobody-here/cat.png"), "There is no file"),
    "standard input": (lambda p: p.of("-"), "There is no file"),
}
WRITE: dict[str, Case] = {
    "into nothing": (written("no/out.png"), "There is no folder"),
    "onto a folder": (lambda p: p.edit("-o", p.tmp), "choose a name"),
    "onto the source": (lambda p: p.edit("-o", p.picture), "exists already"),
    "onto the source through a link": (
        lambda p: p.edit("-o", p.link("same.png", p.picture)),
        "exists already",
    ),
    "below a file": (lambda p: p.edit("-o", p.picture / "out.png"), "cat.png"),
    "a name too long": (written("o" * 300 + ".png"), "ooo"),
    "an ending nobody writes": (written("out.exe"), "choose a name"),
    "no ending to write": (written("out"), "choose a name"),
    "twice the same": (lambda p: p.edit("-o", p.tmp / "o.png", "--strip", p.tmp / "o.png"), "the same name"),
    "twice the same, spelled otherwise": (
        lambda p: p.edit("-o", p.tmp / "o.png", "--strip", p.tmp / "." / "x" / ".." / "o.png"),
        "name",
    ),
    "twice the same, by way of a folder inside": (
        lambda p: p.edit("-o", p.tmp / "o.png", "--strip", inside(p) / ".." / "o.png", "--overwrite"),
        "the same name",
    ),
    "twice the same, by way of a link": (
        lambda p: p.edit("-o", p.tmp / "o.png", "--strip", p.link("here", p.tmp) / "o.png", "--overwrite"),
        "the same name",
    ),
    "a device to write to": (lambda p: p.edit("-o", "/dev/full"), "choose a name"),
}


@pytest.mark.parametrize("name", READ)
def test_read(name: str, place: Place) -> None:
    verify(READ[name], place)


@pytest.mark.parametrize("name", WRITE)
def test_write(name: str, place: Place) -> None:
    verify(WRITE[name], place)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_no_permission(place: Place) -> None:
    place.picture.chmod(0)
    verify((lambda p: ["edit", p.picture, "--source", SOURCE, "--target", TARGET], "may not be read"), place)
