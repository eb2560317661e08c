"""Hashes of content: by them caches and recipes know models, tensors and pictures."""

from hashlib import sha256
from pathlib import Path as FilePath

import torch
from torch import Tensor, nn

WHOLE = 256 * 2**20
PIECE = 2**20


def tensor_hash(*tensors: Tensor) -> str:
    """A hash of shapes, types and values."""
    digest = sha256()
    for t in tensors:
        digest.update(f"{t.dtype}{tuple(t.shape)}".encode())
        digest.update(t.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def file_hash(path: FilePath) -> str:
    """A hash of a file; of a large one its size and evenly spread pieces, which any fine-tune changes."""
    size = path.stat().st_size
    digest = sha256(str(size).encode())
    with path.open("rb") as file:
        if size <= WHOLE:
            digest.update(file.read())
        else:
            for k in range(64):
                file.seek((size - PIECE) * k // 63)
                digest.update(file.read(PIECE))
    return digest.hexdigest()


def weights_hash(net: nn.Module, home: FilePath | None) -> str:
    """A hash of a model: of its folder's weight files, or of the network itself when it has none."""
    if home is None:
        return tensor_hash(*(value for _, value in sorted(net.state_dict().items())))
    digest = sha256()
    for path in sorted(home.rglob("*")):
        if path.suffix in (".safetensors", ".json", ".txt") and path.is_file():
            digest.update(f"{path.relative_to(home)} {file_hash(path)}\n".encode())
    return digest.hexdigest()
