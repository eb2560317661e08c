import errno
import os
from pathlib import Path

import pytest

from overpaint.files import atomic


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the disk, in order."""
    seen: list[str] = []
    flush, replace, link = os.fsync, os.replace, os.link

    def flushed(handle: int) -> None:
        place = os.readlink(f"/proc/self/fd/{handle}")
        seen.append("flush folder" if os.path.isdir(place) else "flush file")
        flush(handle)

    def replaced(one: Path, other: Path) -> None:
        seen.append("move")
        replace(one, other)

    def linked(one: Path, other: Path) -> None:
        seen.append("move")
        link(one, other)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.setattr(os, "link", linked)
    return seen


@pytest.mark.parametrize("new", [True, False])
def test_a_file_is_flushed_then_moved_then_its_folder_flushed(
    new: bool, tmp_path: Path, order: list[str]
) -> None:
    atomic.write(tmp_path / "a", b"data", new=new)
    assert order == ["flush file", "move", "flush folder"]
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"data"


def test_what_others_write_is_flushed_too(tmp_path: Path, order: list[str]) -> None:
    with atomic.drafted(tmp_path / "a") as draft:
        assert draft.parent == tmp_path and not draft.exists()
        draft.write_bytes(b"data")
        assert names(tmp_path) == [draft.name]
    assert order == ["flush file", "move", "flush folder"]
    assert names(tmp_path) == ["a"]


def test_new_replaces_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"theirs")
    with pytest.raises(FileExistsError):
        atomic.write(tmp_path / "a", b"mine", new=True)
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"theirs"


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
def test_a_full_disk_leaves_what_was_there(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(b"old")
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(tmp_path / "a", b"new")
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"old"


def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.png").write_bytes(b"old")
    link, folder = tmp_path / "a.png", tmp_path / "here"
    try:
        link.symlink_to(tmp_path / "there" / "a.png")
        folder.symlink_to(tmp_path / "there", target_is_directory=True)
    except OSError:
        pytest.skip("this system lets nobody make links")
    with pytest.raises(FileExistsError):
        atomic.write(link, b"new", new=True)
    assert link.read_bytes() == b"old"
    atomic.write(link, b"new")
    assert link.is_symlink() and (tmp_path / "there" / "a.png").read_bytes() == b"new"
    with atomic.drafted(link) as draft:
        draft.write_bytes(b"newer")
    assert link.is_symlink() and (tmp_path / "there" / "a.png").read_bytes() == b"newer"
    with atomic.drafted_folder(folder) as draft:
        (draft / "b.png").write_bytes(b"b")
    assert folder.is_symlink() and [one.name for one in (tmp_path / "there").iterdir()] == ["b.png"]


def test_an_error_while_drafting_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), atomic.drafted(tmp_path / "a") as draft:
        draft.write_bytes(b"half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_bytes() == b"old"


def test_a_folder_is_replaced_as_one(tmp_path: Path) -> None:
    place = tmp_path / "part"
    place.mkdir()
    (place / "of-the-old").write_text("1")
    with pytest.raises(KeyboardInterrupt), atomic.drafted_folder(place) as draft:
        (draft / "of-the-new").write_text("2")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["part"] and names(place) == ["of-the-old"]
    with atomic.drafted_folder(place) as draft:
        (draft / "deep").mkdir()
        (draft / "deep" / "of-the-new").write_text("2")
    assert names(tmp_path) == ["part"] and names(place) == ["deep"]


def test_drafts_of_the_dead_are_swept_and_those_of_the_living_left(tmp_path: Path) -> None:
    dead, living, other = (atomic.draft_of(tmp_path / name) for name in ("a.png", "a.png", "b.png"))
    unknown = tmp_path / ".a.png"
    for file in (dead, living, other, unknown):
        file.write_bytes(b"half")
    for file in (dead, other, unknown):
        os.utime(file, (1000, 1000))
    atomic.write(tmp_path / "a.png", b"data")
    assert names(tmp_path) == sorted([unknown.name, "a.png", living.name, other.name])
    atomic.sweep(tmp_path)
    assert names(tmp_path) == sorted([unknown.name, "a.png", living.name])


def test_a_name_with_wild_letters_sweeps_its_own_drafts_only(tmp_path: Path) -> None:
    mine, other = atomic.draft_of(tmp_path / "[ab].png"), atomic.draft_of(tmp_path / "a.png")
    for file in (mine, other):
        file.write_bytes(b"half")
        os.utime(file, (1000, 1000))
    atomic.write(tmp_path / "[ab].png", b"data")
    assert names(tmp_path) == sorted(["[ab].png", other.name])


def test_lines_of_a_log_go_out_in_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    real = os.write

    def write(handle: int, data: bytes) -> int:
        written.append(data)
        return real(handle, data)

    monkeypatch.setattr(os, "write", write)
    for line in ("ä" * 5000, "second"):
        atomic.append(tmp_path / "log", line)
    assert len(written) == 2
    assert (tmp_path / "log").read_text(encoding="utf-8") == "ä" * 5000 + "\nsecond\n"


def test_a_line_that_finds_no_room_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write

    def short(handle: int, data: bytes) -> int:
        return real(handle, data[:3])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space left"):
        atomic.append(tmp_path / "log", "a line")


def test_what_cannot_take_the_place_of_a_folder_leaves_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, real = tmp_path / "model", os.replace
    place.mkdir()
    (place / "old").write_text("x")

    def interrupted(one: Path, other: Path) -> None:
        if other == place and monkeypatch.undo() is None:
            raise KeyboardInterrupt
        real(one, other)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt), atomic.drafted_folder(place) as draft:
        (draft / "new").write_text("y")
    assert names(tmp_path) == ["model"] and names(place) == ["old"]


@pytest.mark.parametrize(
    "name", ["\u96ea" * 83 + ".png", "\U0001f600" * 62 + ".png"], ids=["three bytes", "four"]
)
def test_the_longest_names_of_any_letters_are_written(name: str, tmp_path: Path) -> None:
    for data in (b"one", b"two"):
        atomic.write(tmp_path / name, data)
        assert names(tmp_path) == [name] and (tmp_path / name).read_bytes() == data
    old = atomic.draft_of(tmp_path / name)
    old.write_bytes(b"left by a kill")
    atomic.sweep(tmp_path, name, age=-1)
    assert not old.exists()


def test_a_line_for_which_there_is_no_room_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    atomic.append(tmp_path / "log", "one")

    def short(handle: int, data: bytes) -> int:
        return real(handle, data[:2])

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="No space left"):
        atomic.append(tmp_path / "log", "two")
    monkeypatch.undo()
    atomic.append(tmp_path / "log", "three")
    assert (tmp_path / "log").read_text() == "one\nthree\n"
