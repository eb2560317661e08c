"""Where a model lies: by name, as a folder, as a file, in a shelf of models, in the Hub's cache."""

import os
from collections.abc import Sequence
from pathlib import Path

from overpaint.errors import UsageError
from overpaint.families.hub import TOKENIZER_FILES, is_hub_id, snapshot
from overpaint.files.weightfile import PICKLES

_STILL_LIFE = Path(__file__).parent.parent / "stilllife" / "model"
SHIPPED = {
    "still-life": _STILL_LIFE,
    "still-life-inpaint": _STILL_LIFE / "inpaint",
    "still-life-spatext": _STILL_LIFE / "spatext",
}


def shelves() -> Sequence[Path]:
    """The folders of models that ``OVERPAINT_MODELS`` names."""
    told = os.environ.get("OVERPAINT_MODELS", "")
    return [Path(one).expanduser() for one in told.split(os.pathsep) if one]


def place_of(name: str, download: bool = False) -> Path:
    """The folder or the safetensors file of a model.

    Raises:
        UsageError: there is none, or it is of a kind that is not read.
    """
    if name in SHIPPED:
        return SHIPPED[name]
    try:
        found = _found(name)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{name[:80]!r} cannot be the name of a model ({error}).") from None
    if found is not None:
        return found
    if is_hub_id(name):
        return snapshot(name, download)
    raise UsageError(
        f"There is no model {name!r}: give {', '.join(SHIPPED)}, a diffusers folder, a safetensors file or "
        "an id of the Hub; overpaint models lists what is here."
    )


def _found(name: str) -> Path | None:
    """The folder or file of that name, here or on a shelf."""
    if not name:
        return None
    for home in (Path(name).expanduser(), *(shelf / name for shelf in shelves())):
        if home.is_dir():
            return home
        if home.suffix.lower() in PICKLES and (home.exists() or home.is_symlink()):
            raise UsageError(
                f"{home} may run code when it is read, so it is not; write a safetensors file from it with: "
                f"overpaint convert {home}"
            )
        if home.suffix.lower() == ".safetensors" and (home.exists() or home.is_symlink()):
            return home
        beside = home.with_name(f"{home.name}.safetensors") if home.name else home
        if home.parent in shelves() and beside.is_file():
            return beside
    return None


def tokenizer_place(name: str | None, download: bool) -> str | None:
    """The folder of a tokenizer, which may be an id of the Hub."""
    if name is None or Path(name).is_dir() or not is_hub_id(name):
        return name
    return str(snapshot(name, download, TOKENIZER_FILES))
