"""Hashes of content."""

from pathlib import Path

import pytest
import torch

import overpaint.fingerprint as fingerprint
from overpaint.families.tiny import tiny
from overpaint.fingerprint import file_hash, tensor_hash, weights_hash


def test_tensors_are_known_by_values_shape_and_type() -> None:
    x = torch.arange(12.0).view(3, 4)
    hashes = [
        tensor_hash(t)
        for t in (x, x + 1, x.view(4, 3), x.t(), x.double(), x.bfloat16(), x.int(), x > 3, x[0, 0], x[:0])
    ]
    assert len(set(hashes)) == len(hashes)
    assert tensor_hash(x.clone()) == hashes[0]
    assert tensor_hash(x.t().contiguous().t()) == hashes[0]
    assert tensor_hash(x, x) != tensor_hash(x)


def test_files_are_known_by_content(tmp_path: Path) -> None:
    one, two, other = (tmp_path / name for name in ("one", "two", "other"))
    one.write_bytes(b"abc")
    two.write_bytes(b"abc")
    other.write_bytes(b"abd")
    assert file_hash(one) == file_hash(two) != file_hash(other)


def test_large_files_are_known_by_size_and_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "WHOLE", 1000)
    monkeypatch.setattr(fingerprint, "PIECE", 10)
    file = tmp_path / "large"
    file.write_bytes(bytes(2000))
    first = file_hash(file)
    file.write_bytes(bytes(2001))
    assert file_hash(file) != first
    file.write_bytes(bytes(1999) + b"x")
    assert file_hash(file) != first
    file.write_bytes(b"x" + bytes(1999))
    assert file_hash(file) != first


def test_networks_are_known_by_weights() -> None:
    one, two = tiny("sd1"), tiny("sd1")
    assert one.fingerprint == two.fingerprint
    with torch.no_grad():
        next(two.net.parameters()).view(-1)[0] += 1
    assert weights_hash(two.net, None) != one.fingerprint
    assert tiny("sd2").fingerprint != one.fingerprint


def test_folders_are_known_by_their_files(tmp_path: Path) -> None:
    net = torch.nn.Linear(1, 1)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"1")
    (tmp_path / "unet" / "config.json").write_text("{}")
    first = weights_hash(net, tmp_path)
    (tmp_path / "README.md").write_text("not part of the model")
    assert weights_hash(net, tmp_path) == first
    (tmp_path / "unet" / "config.json").write_text('{"a": 1}')
    second = weights_hash(net, tmp_path)
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"2")
    assert len({first, second, weights_hash(net, tmp_path)}) == 3
