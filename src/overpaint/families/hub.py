"""Models of the Hugging Face Hub: from the local cache; from the network only where that was asked for."""

import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from overpaint.errors import UsageError
from overpaint.families.variants import STEMS, forms

_NETS = ("unet", "vae")
_TEXTS = ("text_encoder", "text_encoder_2")
MODEL_FILES = (
    "model_index.json",
    "README.md",
    "LICENSE*",
    "overpaint.json",
    "scheduler/scheduler_config.json",
    *(f"{part}/config.json" for part in (*_NETS, *_TEXTS)),
    *(
        f"{net}/diffusion_pytorch_model{tail}"
        for net in _NETS
        for tail in (".safetensors", "-0*.safetensors")
    ),
    *(f"{text}/model{tail}" for text in _TEXTS for tail in (".safetensors", "-0*.safetensors")),
    *(f"{part}/*.safetensors.index.json" for part in (*_NETS, *_TEXTS)),
    *(f"tokenizer{n}/*.{kind}" for n in ("", "_2") for kind in ("json", "txt")),
)
"""What is fetched of a model: weights as safetensors, configurations, tokenizers; no pickles, no code."""
TOKENIZER_FILES = tuple(
    f"{folder}{name}"
    for folder in ("", "tokenizer/")
    for name in ("vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json")
)


def is_hub_id(name: str) -> bool:
    """Whether a name has the form ``owner/model``."""
    return (
        re.fullmatch(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", name) is not None
        and ".." not in name
    )


def cache_folder() -> Path:
    """Where the Hub's own library keeps what it fetched."""
    given = os.environ.get("HF_HUB_CACHE")
    if given:
        return Path(given).expanduser()
    base = os.environ.get("HF_HOME")
    if base:
        return Path(base).expanduser() / "hub"
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "huggingface" / "hub"


def snapshots() -> Sequence[Path]:
    """Every snapshot of every model in the cache."""
    return sorted(one for one in cache_folder().glob("models--*/snapshots/*") if one.is_dir())


def snapshot(name: str, download: bool, files: Sequence[str] = MODEL_FILES) -> Path:
    """The folder of a model of the Hub.

    Args:
        name: ``owner/model``.
        download: whether the network may be asked for what is not there.
        files: patterns of what is fetched.

    Raises:
        UsageError: it is not in the cache and may not or cannot be fetched.
    """
    if download:
        return _fetched(name, files)
    try:
        return Path(_library().snapshot_download(name, cache_dir=cache_folder(), local_files_only=True))
    except Exception:  # the library has a dozen ways to say that something is not there
        raise UsageError(
            f"There is no folder {name}, and no model of that name in the Hub's cache "
            f"({cache_folder()}); --download fetches it."
        ) from None


def _fetched(name: str, files: Sequence[str]) -> Path:
    """From the network; where a part has no plain weights, the best form of them that there is."""
    try:
        home = _download(name, files)
        bare = [part for part in STEMS if _has_no_weights(home / part)]
        if files is MODEL_FILES and bare:
            there = _library().list_repo_files(name)
            unusual = [file for part in bare for file in _best_files(there, part)]
            home = _download(name, unusual) if unusual else home
        return home
    except Exception as error:
        raise UsageError(f"The model {name} cannot be fetched: {_why(error)}.") from error


def _download(name: str, files: Sequence[str]) -> Path:
    return Path(_library().snapshot_download(name, cache_dir=cache_folder(), allow_patterns=list(files)))


def _has_no_weights(folder: Path) -> bool:
    return (folder / "config.json").is_file() and not any(folder.glob("*.safetensors"))


def _best_files(there: Sequence[str], part: str) -> list[str]:
    """The files of a part's best form."""
    names = [PurePosixPath(file).name for file in there if PurePosixPath(file).parent.as_posix() == part]
    return [f"{part}/{name}" for name in next(iter(forms(names, part).values()), [])]


def _why(error: Exception) -> str:
    """What went wrong and what to do, by the kind of the library's error and not by its words."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "GatedRepoError" in kinds:
        return "its makers want their terms accepted; do so on its page, then log in with: hf auth login"
    if "RepositoryNotFoundError" in kinds:
        return "the Hub has no model of that name, or shows it to others only; log in with: hf auth login"
    if isinstance(error, OSError) and error.errno is not None and "ConnectionError" not in kinds:
        return f"it cannot be written into {cache_folder()} ({os.strerror(error.errno)})"
    if "HfHubHTTPError" in kinds:
        return "the Hub answered with an error; try again later"
    return "the Hub cannot be reached; look at the network, and try again"


def _library() -> Any:
    import huggingface_hub

    return huggingface_hub
