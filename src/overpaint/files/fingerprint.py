"""Hashes of content: by them caches and recipes know models, tensors and pictures."""

from hashlib import sha256
from pathlib import Path as FilePath

import torch
from torch import Tensor, nn

from overpaint.errors import UsageError
from overpaint.files.provenance import Origin
from overpaint.files.weightfile import TUNED, base_of, read_header

WHOLE = 256 * 2**20
PIECE = 2**20
START = 2**12
BESIDE = "known.json"
"""A file in a model's folder that knows its pictures."""
APART = {BESIDE, "LOG.json", "overpaint.json", "judge", "sides", "segmenter", "inpaint", "spatext"}
"""What lies in a model's folder and changes no edit but by options and networks that recipes hold."""


def tensor_hash(*tensors: Tensor) -> str:
    """A hash of shapes, types and values."""
    digest = sha256()
    for t in tensors:
        digest.update(f"{t.dtype}{tuple(t.shape)}".encode())
        digest.update(t.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def file_hash(path: FilePath) -> str:
    """A hash of a file; of a large one its size, evenly spread pieces, and the beginning of every tensor.

    Those any fine-tune changes, be it of one part of a checkpoint alone.
    """
    size = path.stat().st_size
    digest = sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE:
            digest.update(file.read())
        else:
            for k in range(64):
                file.seek((size - PIECE) * k // 63)
                digest.update(file.read(PIECE))
            for begin in _beginnings(path):
                file.seek(begin)
                digest.update(file.read(START))
    return digest.hexdigest()


def _beginnings(path: FilePath) -> list[int]:
    """Where the tensors of a file begin; nowhere in a file of another kind."""
    if path.suffix != ".safetensors":
        return []
    try:
        header = read_header(path)
    except UsageError:
        return []
    return sorted(header.start + one.begin for one in header.entries.values())


def weights_hash(net: nn.Module, home: FilePath | None, origin: Origin | None = None) -> str:
    """A hash of a model and of everything that was added to it when it was loaded.

    Of a folder the weights and configurations count, of a single file the file, its tokenizer and what was
    said about it; of a network that came from neither the network itself.
    """
    own = _own_hash(net, home)
    if origin is None or origin == Origin():
        return own
    digest = sha256(f"{own} {origin.prediction}".encode())
    if origin.tokenizer is not None:
        digest.update(_folder_hash(FilePath(origin.tokenizer)).encode())
    for file, how in origin.files if home is not None else ():  # else they are in the network already
        digest.update(f"{how} {file_hash(file)}\n".encode())
    return digest.hexdigest()


def _own_hash(net: nn.Module, home: FilePath | None) -> str:
    if home is None:
        return tensor_hash(*(value for _, value in sorted(net.state_dict().items())))
    if not home.is_dir():
        return file_hash(home)
    base = base_of(home)  # of what is tuned from another model both count
    return _folder_hash(home) if base == home else f"{_folder_hash(base)}-{_folder_hash(home)}"


def _folder_hash(home: FilePath) -> str:
    digest = sha256()
    for path in sorted(home.rglob("*")):
        if path.suffix in (".safetensors", ".json", ".txt") and path.is_file():
            if path.relative_to(home).parts[0] in APART:
                continue
            if path.parent == home or not (path.parent / TUNED).is_file():  # else it is another model's
                digest.update(f"{path.relative_to(home)} {file_hash(path)}\n".encode())
    return digest.hexdigest()
