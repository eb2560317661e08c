"""What a model folder says of the pictures its model knows, and which weights it says it of."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from overpaint.errors import UsageError
from overpaint.files.fingerprint import BESIDE, file_hash
from overpaint.model import Model
from overpaint.options import Known

FILE = BESIDE
PARTS = ("unet", "vae", "text_encoder")
"""The networks that a picture's figures depend on."""


def known_of(home: Path) -> Known | None:
    """The record in a folder, if there is one.

    Raises:
        UsageError: it cannot be understood.
    """
    file = home / FILE
    if not file.is_file():
        return None
    try:
        return Known.model_validate_json(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(
            f"The file {file} cannot be understood; delete it, and pictures are looked at without it."
        ) from error


def weights_of(model: Model) -> str:
    """A hash of the networks' files.

    Raises:
        UsageError: the model was not loaded from a folder.
    """
    if model.home is None or not model.home.is_dir():
        raise UsageError("Only a model in a folder can have a record of the pictures it knows.")
    files = sorted(file for part in PARTS for file in (model.home / part).glob("*.safetensors"))
    return _hash(tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=8)
def _hash(files: tuple[tuple[str, int, int], ...]) -> str:
    digest = sha256()
    for name, _, _ in files:
        digest.update(f"{Path(name).parent.name}/{Path(name).name} {file_hash(Path(name))}\n".encode())
    return digest.hexdigest()
