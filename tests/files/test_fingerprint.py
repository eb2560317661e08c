"""Hashes of content."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import overpaint.files.fingerprint as fingerprint
from overpaint.families.tiny import tiny
from overpaint.files.fingerprint import file_hash, tensor_hash, weights_hash
from overpaint.files.provenance import Origin

safetensors: Any = import_module("safetensors.torch")


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
    (tmp_path / "LOG.json").write_text("{}")
    (tmp_path / "sides" / "canny").mkdir(parents=True)
    (tmp_path / "sides" / "canny" / "config.json").write_text("{}")
    assert weights_hash(net, tmp_path) == first
    (tmp_path / "unet" / "config.json").write_text('{"a": 1}')
    second = weights_hash(net, tmp_path)
    (tmp_path / "unet" / "model.safetensors").write_bytes(b"2")
    assert len({first, second, weights_hash(net, tmp_path)}) == 3


def test_what_is_added_to_a_model_is_part_of_it(tmp_path: Path) -> None:
    """Strength and word count, and the content of the files, not their names alone."""
    net, one, other = nn.Linear(2, 2), tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "unet.safetensors").write_bytes(b"weights")

    def hashed(**said: Any) -> str:
        return weights_hash(net, tmp_path / "model", Origin.said(**said))

    def all_of_them() -> list[str]:
        loras = [[f"{one}"], [f"{one}:0.5"], [f"{other}"], [f"{one}", f"{other}"], [f"{other}", f"{one}"]]
        words = [[f"{one}"], [f"{one}:word"]]
        return [
            *(hashed(loras=x) for x in loras),
            *(hashed(embeddings=x) for x in words),
            hashed(prediction="v"),
        ]

    one.write_bytes(b"one")
    other.write_bytes(b"other")
    before = all_of_them()
    assert len({*before, hashed()}) == len(before) + 1
    assert hashed() == weights_hash(net, tmp_path / "model")
    assert before == all_of_them()
    one.write_bytes(b"two")
    assert all(a != b for a, b in zip(before, all_of_them(), strict=True) if a not in (before[2], before[-1]))


def test_a_file_is_known_with_its_tokenizer(tmp_path: Path) -> None:
    net, file = nn.Linear(2, 2), tmp_path / "x.safetensors"
    file.write_bytes(b"weights")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "merges.txt").write_text(name)
    hashes = {weights_hash(net, file, Origin.said(tokenizer=tmp_path / name)) for name in ("a", "b")}
    assert len(hashes | {weights_hash(net, file)}) == 3


def test_every_tensor_of_a_large_file_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "WHOLE", 1000)
    monkeypatch.setattr(fingerprint, "PIECE", 1)
    monkeypatch.setattr(fingerprint, "START", 4)
    hashes: set[str] = set()
    for k in range(101):
        tensors = {str(n): torch.full((500,), float(n == k)) for n in range(100)}
        safetensors.save_file(tensors, str(tmp_path / "x.safetensors"))
        hashes.add(file_hash(tmp_path / "x.safetensors"))
    assert len(hashes) == 101
    (tmp_path / "x.safetensors").write_bytes(b"\xff" * 5000)
    assert file_hash(tmp_path / "x.safetensors") not in hashes
