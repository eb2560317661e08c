"""Headers that hold, and headers that lie."""

import json
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from overpaint.errors import UsageError
from overpaint.files.weightfile import MOST_HEADER, check_folder, read_header, read_pieces

safetensors: Any = import_module("safetensors.torch")


def file_of(path: Path, header: object, data: bytes = b"\0" * 8, length: int | None = None) -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes((len(raw) if length is None else length).to_bytes(8, "little") + raw + data)
    return path


def tensor(begin: int = 0, end: int = 8, shape: object = (2,), dtype: str = "F32") -> Mapping[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def refused(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_header(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_header_is_read_as_the_library_reads_it(tmp_path: Path) -> None:
    tensors = {
        "a": torch.ones(2, 3),
        "b": torch.zeros(0),
        "c": torch.ones(4, dtype=torch.float16),
        "d": torch.ones(3).to(torch.float8_e4m3fn),
        "e": torch.tensor(3),
    }
    safetensors.save_file(tensors, str(tmp_path / "x.safetensors"), metadata={"format": "pt"})
    header = read_header(tmp_path / "x.safetensors")
    assert {k: e.shape for k, e in header.entries.items()} == {k: tuple(v.shape) for k, v in tensors.items()}
    assert header.said == {"format": "pt"}
    assert header.start + max(e.end for e in header.entries.values()) == os.path.getsize(
        tmp_path / "x.safetensors"
    )
    assert header.has("a") and not header.has("f")
    assert (header.shape("a"), header.shape("f")) == ((2, 3), ())


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"a": tensor(0, 16)}, "behind the end"),
        ({"a": tensor(0, 8), "b": tensor(0, 8)}, "lies about the place"),
        ({"a": tensor(0, 8, [3])}, "lies about the place or the size"),
        ({"a": tensor(4, 8, [1])}, "lies about the place"),
        ({"a": tensor(0, 4, [1])}, "holds 4 bytes that its header does not name"),
        ({}, "holds 8 bytes that its header does not name"),
        ({"a": tensor(-8, 0)}, "cannot be understood"),
        ({"a": tensor(8, 0)}, "lies about the place"),
        ({"a": tensor(shape=[2.0])}, "cannot be understood"),
        ({"a": tensor(shape=[True, 2])}, "cannot be understood"),
        ({"a": tensor(dtype="F4")}, "type 'F4'"),
        ({"a": [1]}, "cannot be understood"),
        ({"a": tensor(), "__metadata__": 3}, "cannot be understood"),
        ([], "cannot be understood"),
        (b"{ not json", "cannot be understood"),
        (b"\xff\xfe", "cannot be understood"),
        (b"[" * 100_000, "cannot be understood"),
    ],
)
def test_a_header_that_lies(tmp_path: Path, header: object, says: str) -> None:
    assert says in refused(file_of(tmp_path / "x.safetensors", header))


@pytest.mark.parametrize("length", [10**6, 2**63, 2**64 - 1, MOST_HEADER + 1])
def test_a_header_longer_than_the_file(tmp_path: Path, length: int) -> None:
    path = file_of(tmp_path / "x.safetensors", {"a": tensor()}, length=length)
    assert "is no whole safetensors file" in refused(path)


def test_a_header_too_long_to_be_one(tmp_path: Path) -> None:
    with (tmp_path / "x.safetensors").open("wb") as file:
        file.write((MOST_HEADER + 1).to_bytes(8, "little"))
        file.truncate(MOST_HEADER + 100)  # holes take no room
    assert "is no whole safetensors file" in refused(tmp_path / "x.safetensors")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "empty.safetensors").touch()
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "gone.safetensors").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.safetensors").symlink_to(tmp_path / "loop.safetensors")
    assert "is empty; get it again" in refused(tmp_path / "empty.safetensors")
    assert "is not a file" in refused(tmp_path / "pipe.safetensors")
    assert "is not a file" in refused(tmp_path)
    assert "There is no file" in refused(tmp_path / "gone.safetensors")
    assert "cannot be read" in refused(tmp_path / "loop.safetensors")


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_under_another_name(tmp_path: Path, zipped: bool) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "x.safetensors", _use_new_zipfile_serialization=zipped)
    assert "pickle under another name" in refused(tmp_path / "x.safetensors")
    assert "overpaint convert" in refused(tmp_path / "x.safetensors")


def index(folder: Path, told: object) -> Path:
    (folder / "model.safetensors.index.json").write_text(json.dumps(told))
    return folder / "model.safetensors.index.json"


@pytest.mark.parametrize(
    "name", ["../a.safetensors", "/a.safetensors", "b/a.safetensors", "..", "", "b\\a.safetensors"]
)
def test_an_index_that_leads_elsewhere(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="outside its own folder"):
        read_pieces(index(tmp_path, {"weight_map": {"w": name}}))


def test_an_index_of_other_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"names 'a\.bin', which is no safetensors file"):
        read_pieces(index(tmp_path, {"weight_map": {"w": "a.bin"}}))
    with pytest.raises(UsageError, match=r"names a\.safetensors, which is not there"):
        read_pieces(index(tmp_path, {"weight_map": {"w": "a.safetensors"}}))
    with pytest.raises(UsageError, match="cannot be understood"):
        read_pieces(index(tmp_path, {"weight_map": ["a.safetensors"]}))


def test_every_piece_of_a_folder_is_held_against_its_header(tmp_path: Path) -> None:
    one = file_of(tmp_path / "a.safetensors", {"a": tensor()})
    index(tmp_path, {"weight_map": {"a": "a.safetensors"}})
    assert list(check_folder(tmp_path)) == [one]
    file_of(tmp_path / "b.safetensors", {"a": tensor(0, 16)})
    with pytest.raises(UsageError, match="behind the end"):
        check_folder(tmp_path)
