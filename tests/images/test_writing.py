import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.images.kit import SRGB

from overpaint.errors import UsageError
from overpaint.files import atomic
from overpaint.images import Info, Picture, check_output, encode_png, load_picture, save_picture


def picture(seed: int = 0) -> Picture:
    random = np.random.default_rng(seed)
    return Picture(
        random.integers(0, 256, (5, 7, 3), dtype=np.uint8), random.integers(0, 256, (5, 7), dtype=np.uint8)
    )


def refusal(path: Path, overwrite: bool = False) -> str:
    before = contents(path.parent)
    with pytest.raises(UsageError) as caught:
        save_picture(picture(1), path, overwrite=overwrite)
    assert contents(path.parent) == before
    assert str(caught.value).endswith(".")
    return str(caught.value)


def contents(folder: Path) -> dict[str, bytes]:
    files = folder.iterdir() if folder.is_dir() else ()
    return {file.name: file.read_bytes() for file in files if file.is_file()}


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = Picture(picture().rgb, picture().alpha, Info(icc=SRGB))
    text = {"overpaint": '{"a": 1}', "Comment": "Erdbeere 苺 \n two lines"}
    path = save_picture(written, tmp_path / "a.png", text)
    read = load_picture(path)
    assert read.alpha is not None and written.alpha is not None
    assert np.array_equal(read.rgb, written.rgb) and np.array_equal(read.alpha, written.alpha)
    assert read.info == Info("PNG", text, SRGB)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]


def test_same_picture_same_bytes() -> None:
    assert (
        encode_png(picture(), {"k": "v"})
        == encode_png(picture(), {"k": "v"})
        != encode_png(picture(), {"k": "w"})
    )


def test_new_files_have_ordinary_permissions(tmp_path: Path) -> None:
    path = save_picture(picture(), tmp_path / "a.png")
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_existing_files_are_kept_unless_told(tmp_path: Path) -> None:
    path = save_picture(picture(), tmp_path / "a.png")
    assert "exists already" in refusal(path)
    save_picture(picture(1), path, overwrite=True)
    assert np.array_equal(load_picture(path).rgb, picture(1).rgb)


def test_a_dangling_link_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere")
    assert "exists already" in refusal(tmp_path / "a.png")


@pytest.fixture(params=["links", "no links"])
def any_file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.usefixtures("any_file_system")
def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flush = tmp_path / "a.png", atomic.write_flushed

    def slow(draft: Path, data: bytes) -> None:
        flush(draft, data)
        path.write_bytes(b"theirs")

    monkeypatch.setattr(atomic, "write_flushed", slow)
    with pytest.raises(UsageError, match="exists already"):
        save_picture(picture(), path)
    assert contents(tmp_path) == {"a.png": b"theirs"}


@pytest.mark.usefixtures("any_file_system")
def test_a_new_file_leaves_no_draft(tmp_path: Path) -> None:
    save_picture(picture(), tmp_path / "a.png")
    assert list(contents(tmp_path)) == ["a.png"]


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_picture(picture(), tmp_path / "a.png")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refusal(tmp_path / "a.png", overwrite=True)
    assert "No space left" in refusal(tmp_path / "b.png")


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_picture(picture(), tmp_path / "a.png")
    assert contents(tmp_path) == {}


def test_folders_that_cannot_be_flushed_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.fsync

    def files_only(handle: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EINVAL, "Invalid argument")
        real(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    assert save_picture(picture(), tmp_path / "a.png").exists()


def test_names_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    assert "PNG" in refusal(tmp_path / "a.gif")
    assert "PNG" in refusal(tmp_path / "a")
    assert "folder" in refusal(tmp_path / "folder.png", overwrite=True)
    assert "no folder" in refusal(tmp_path / "none" / "a.png")
    assert "cannot be the name" in refusal(tmp_path / f"{'long' * 100}.png", overwrite=True)
    assert "cannot be the name" in refusal(tmp_path / "nul\0.png")


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> bool:
        return False

    monkeypatch.setattr(os, "access", never)
    assert "may not be written" in refusal(tmp_path / "a.png")


def test_the_name_can_be_checked_before_the_work(tmp_path: Path) -> None:
    assert check_output(str(tmp_path / "A.PNG")) == tmp_path / "A.PNG"
    save_picture(picture(), tmp_path / "a.png")
    with pytest.raises(UsageError):
        check_output(tmp_path / "a.png")
    assert check_output(tmp_path / "a.png", overwrite=True)


def test_a_fresh_name_takes_the_next_number(tmp_path: Path) -> None:
    names = [save_picture(picture(), tmp_path / "a.png", fresh_name=True).name for _ in range(3)]
    assert names == ["a.png", "a-2.png", "a-3.png"]
    (tmp_path / "a-2.png").unlink()
    assert save_picture(picture(), tmp_path / "a.png", fresh_name=True).name == "a-2.png"


def test_many_threads_at_once_all_get_a_name_of_their_own(tmp_path: Path) -> None:
    def save(number: int) -> Path:
        return save_picture(
            Picture(np.full((4, 4, 3), number, np.uint8)), tmp_path / "a.png", fresh_name=True
        )

    with ThreadPoolExecutor(12) as pool:
        places = list(pool.map(save, range(12)))
    assert len(set(places)) == 12
    assert {load_picture(place).rgb[0, 0, 0] for place in places} == set(range(12))


def test_a_name_taken_in_the_last_moment_is_not_fresh(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = atomic.write_flushed

    def slow(draft: Path, data: bytes) -> None:
        flush(draft, data)
        (tmp_path / "a.png").write_bytes(b"theirs")

    monkeypatch.setattr(atomic, "write_flushed", slow)
    assert save_picture(picture(), tmp_path / "a.png", fresh_name=True).name == "a-2.png"
    assert (tmp_path / "a.png").read_bytes() == b"theirs"


def test_fresh_and_over_at_once_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Choose one"):
        save_picture(picture(), tmp_path / "a.png", fresh_name=True, overwrite=True)
