import os
from pathlib import Path
from uuid import uuid4

import pytest
from tests.batch.kit import filled, in_memory
from tests.cli.kit import save_picture

from overpaint.batch.listing import check_input, listed
from overpaint.batch.masking import Masks
from overpaint.batch.place import Place, checked, ledger_folder, read, stamp_of
from overpaint.batch.row import Row
from overpaint.errors import UsageError
from overpaint.images import Limits


def rows(said: str | Path, names: tuple[str, ...] = ()) -> list[Row]:
    return list(listed(str(said), names).rows)


def test_a_folder_with_its_folders_without_what_is_hidden_or_no_picture(tmp_path: Path) -> None:
    filled(tmp_path / "in")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    (tmp_path / "in" / ".overpaint").mkdir()
    save_picture(tmp_path / "in" / ".overpaint" / "x.png")
    save_picture(tmp_path / "in" / ".hidden.png")
    (tmp_path / "in" / "ring").symlink_to(tmp_path / "in")
    found = rows(tmp_path / "in")
    assert [(row.number, row.inside) for row in found] == [
        (1, "cat0.png"),
        (2, "cat1.png"),
        (3, "deep/cat2.png"),
    ]
    assert found[2].names == {"stem": "cat2", "folder": "deep", "number": "3"}
    assert found[0].stamp == stamp_of(found[0].image, Limits())


def test_a_glob_names_pictures_within_the_folder_before_its_sign(tmp_path: Path) -> None:
    filled(tmp_path / "in")
    assert [row.inside for row in rows(tmp_path / "in" / "**" / "*.png")] == [
        *("cat0.png", "cat1.png", "deep/cat2.png"),
    ]
    assert [row.inside for row in rows(tmp_path / "in" / "cat[1-9].*")] == ["cat1.png"]
    with pytest.raises(UsageError, match="No picture matches"):
        listed(str(tmp_path / "*.jpg"))


def test_names_in_a_table_are_seen_from_its_folder(tmp_path: Path) -> None:
    filled(tmp_path / "in")
    (tmp_path / "in" / "list.csv").write_text("image,source\ncat0.png,\ndeep/cat2.png,a cat\n/x/y.png,\n,z\n")
    found = rows(tmp_path / "in" / "list.csv")
    assert [row.inside for row in found] == ["cat0.png", "deep/cat2.png", "y.png", ""]
    assert found[0].cells == {} and found[1].cells == {"source": "a cat"}
    assert found[3].problem == "It names no picture." and found[1].number == 3


def test_names_on_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    found = rows("-", ("in/cat0.png\n", "\n", f"{tmp_path}/in/cat1.png\r\n", "http://x/y.png\n"))
    assert [row.inside for row in found] == ["in/cat0.png", "in/cat1.png", ""]
    assert "Nothing is fetched from the web" in found[2].problem


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        ("absent", "There is no"),
        ("empty", "There are no pictures in"),
        ("cat.png", "overpaint edit takes one picture"),
        ("absent.csv", "There is no"),
        ("https://example.org/cats", "Nothing is fetched from the web"),
        ("zip://x.png::file:///y.zip", "leads through another one"),
        ("what://bucket", "is no address that can be opened"),
        ("", "A name is empty"),
    ],
)
def test_an_input_that_is_none_is_one_sentence(tmp_path: Path, make: str, sentence: str) -> None:
    (tmp_path / "empty").mkdir()
    save_picture(tmp_path / "cat.png")
    said = make if "://" in make or not make else str(tmp_path / make)
    with pytest.raises(UsageError, match=sentence):
        list(listed(said).rows)


def test_what_is_not_there_is_said_before_anything_is_read(tmp_path: Path) -> None:
    check_input("-")
    check_input(str(tmp_path))
    check_input(str(tmp_path / "*.png"))
    with pytest.raises(UsageError, match="There is no"):
        check_input(str(tmp_path / "no"))


@pytest.fixture
def bucket(tmp_path: Path) -> str:
    """A store of objects, in memory, with the pictures of a folder in it."""
    files = in_memory()
    name = f"/{uuid4().hex}"
    for one in sorted(filled(tmp_path / "in").rglob("*.png")):
        files.pipe_file(f"{name}/in/{one.relative_to(tmp_path / 'in')}", one.read_bytes())
    return f"memory:/{name}"


def test_a_store_is_listed_read_and_written_like_a_folder(bucket: str) -> None:
    assert [row.inside for row in rows(f"{bucket}/in")] == ["cat0.png", "cat1.png", "deep/cat2.png"]
    assert [row.inside for row in rows(f"{bucket}/in/*.png")] == ["cat0.png", "cat1.png"]
    first = rows(f"{bucket}/in")[0]
    assert first.stamp and read(first.image, Limits())[:4] == b"\x89PNG"
    with pytest.raises(UsageError, match="larger than"):
        read(first.image, Limits(bytes=10))
    with pytest.raises(UsageError, match="There is no file"):
        read(f"{bucket}/in/no.png", Limits())
    out = Place.of(f"{bucket}/out/")
    assert out.names() == frozenset()
    out.write("a/b.png", b"one")
    assert out.names() == {"a/b.png"} and read(out.at("a/b.png"), Limits()) == b"one"
    with pytest.raises(UsageError, match="exists already"):
        out.write("a/b.png", b"two")
    out.write("a/b.png", b"two", overwrite=True)
    assert "overpaint" not in out.address and ledger_folder(out).name not in out.address
    with pytest.raises(UsageError, match="There are no pictures"):
        rows(f"{bucket}/empty")


def test_a_table_in_a_store_names_what_lies_beside_it(bucket: str) -> None:
    files = in_memory()
    text = "image\ncat0.png\n../secret.png\n"
    files.pipe_file(f"{bucket.removeprefix('memory:/')}/in/list.csv", text.encode())
    first, second = rows(f"{bucket}/in/list.csv")
    assert first.image == f"{bucket}/in/cat0.png" and first.inside == "cat0.png"
    assert "leads out of the folder" in second.problem


def test_a_file_on_disk_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Place.of(str(tmp_path)).write("file/x.png", b"")


def test_masks_by_name(tmp_path: Path) -> None:
    filled(tmp_path / "masks")
    (tmp_path / "masks" / "runs.json").write_text("{}")
    masks = Masks.in_folder(str(tmp_path / "masks"))
    assert masks.of("deep/cat2.jpg").endswith("deep/cat2.png") and masks.of("x/cat0.webp").endswith(
        "cat0.png"
    )
    assert masks.of("runs.png").endswith("runs.json")
    with pytest.raises(UsageError, match="There is no mask called dog"):
        masks.of("a/dog.png")
    (tmp_path / "none").mkdir()
    for folder, words in ((tmp_path / "none", "There are no masks"), (tmp_path / "no", "There is no folder")):
        with pytest.raises(UsageError, match=words):
            Masks.in_folder(str(folder))


def test_addresses() -> None:
    assert checked("~/x") == os.path.expanduser("~/x") and checked("s3://b/k") == "s3://b/k"
    with pytest.raises(UsageError, match="zero byte"):
        checked("a\0b")
