"""Files that are not what their name says."""

import json
import os
import stat
from pathlib import Path

import pytest

from overpaint.errors import UsageError
from overpaint.files.mistaken import check_content, read_json

HEADER = json.dumps({"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + bytes(4)


def refused(file: Path, text: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        check_content(file, text)
    assert "\n" not in str(caught.value) and str(file) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty; get it again."),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 1\n", "with: git lfs pull."),
        (b"  <!DOCTYPE HTML><html>", "is a web page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "is a web page"),
        (b"Access to this resource is denied.", "holds text and no weights"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", "is a packed archive (gzip)"),
    ],
)
def test_mistakes_by_kind(data: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    assert says in refused(file)


@pytest.mark.parametrize("data", [WEIGHTS, WEIGHTS[:9], b"\x80\x02}q\x00.", b"PK\x03\x04"])
def test_what_is_no_such_mistake(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    file.write_bytes(data)
    check_content(file)


def test_text_where_text_belongs(tmp_path: Path) -> None:
    file = tmp_path / "merges.txt"
    file.write_text("#version: 0.2\n< /w>\na b\n")
    check_content(file, text=True)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert "There is no file" in refused(tmp_path / "none")
    (tmp_path / "folder").mkdir()
    assert "cannot be read (Is a directory)" in refused(tmp_path / "folder")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read (" in refused(tmp_path / "loop")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(WEIGHTS)
    file.chmod(0)
    try:
        assert "cannot be read (Permission denied); see who may read it." in refused(file)
    finally:
        file.chmod(stat.S_IRUSR | stat.S_IWUSR)


@pytest.mark.parametrize("data", [b"[1]", b"{", b"\xff\xfe{}", b"null", b"[" * 100_000])
def test_settings_that_are_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(data)
    with pytest.raises(UsageError, match="holds no settings in JSON"):
        read_json(tmp_path / "config.json")
