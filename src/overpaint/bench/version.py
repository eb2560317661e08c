"""What results depend on beside the model: the code, and the networks that measure."""

from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from overpaint.choosing import choices, score
from overpaint.families.locate import SHIPPED
from overpaint.files.fingerprint import file_hash
from overpaint.method import Method
from overpaint.methods.auto import Auto

ROOT = Path(__file__).parents[1]
NO_MATTER = ("cli", "train", "web", "batch")
"""Folders that change no picture and no figure."""
YARDSTICKS = ("judge", "image_encoder", "text_projection", "text_encoder")
"""Parts of the shipped model that measure."""


@cache
def code() -> str:
    """A hash of the package's sources and of the networks that measure."""
    digest = sha256()
    for file in sorted(ROOT.rglob("*.py")):
        name = file.relative_to(ROOT)
        if name.parts[0] not in NO_MATTER:
            digest.update(f"{name.as_posix()} {file_hash(file)}\n".encode())
    for part in YARDSTICKS:
        for file in sorted((SHIPPED["still-life"] / part).glob("*.safetensors")):
            digest.update(f"{part} {file_hash(file)}\n".encode())
    return digest.hexdigest()[:12]


def code_of(kind: type[Method]) -> str:
    """The same for a method; the file of one that a plugin brought counts too, and what choosing goes by."""
    if kind is Auto:
        data = [file_hash(place) for place in (choices.DATA, score.DATA) if place.is_file()]
        return sha256(" ".join([code(), *data]).encode()).hexdigest()[:12]
    spec = find_spec(kind.__module__)
    place = None if spec is None or spec.origin is None else Path(spec.origin)
    if place is None or place.is_relative_to(ROOT) or not place.is_file():
        return code()
    return sha256(f"{code()} {file_hash(place)}".encode()).hexdigest()[:12]
