"""The tokenizer of a checkpoint in one file, which holds none: beside it, CLIP's, or one of the Hub."""

import json
from pathlib import Path
from typing import Any

from overpaint.errors import UsageError
from overpaint.families.hub import snapshots
from overpaint.files.mistaken import check_content, read_json

CLIP = Path(__file__).parent / "configs" / "clip-vocabulary"
"""The vocabulary that all Stable Diffusion checkpoints were trained with (OpenAI, MIT licence)."""
FOLDERS = ("tokenizer", ".")
"""Where a folder may keep its tokenizer."""


def tokenizers_of(file: Path, asked: str | None, configs: list[Path]) -> tuple[list[Any], Path]:
    """One tokenizer for each text encoder, and the folder their common vocabulary lies in.

    Args:
        file: the checkpoint.
        asked: the folder a person named, if any.
        configs: for each encoder the folder with its ``tokenizer_config.json`` and its ``config.json``.

    Raises:
        UsageError: there is none, or the one that was named belongs to another model.
    """
    told = [_told(folder) for folder in configs]
    if asked is not None:
        home = vocabulary_in(Path(asked))
        if home is None:
            raise UsageError(f"There is no tokenizer in {asked}: it needs vocab.json and merges.txt.")
        check_words(home)
        found = _read(home, told)
        if found is None:
            raise UsageError(
                f"The tokenizer in {asked} belongs to another model; its tokens do not fit {file}."
            )
        return found, home
    for folder in (file.parent / "tokenizer", CLIP, *snapshots()):
        home = vocabulary_in(folder)
        found = None if home is None else _read(home, told)
        if home is not None and found is not None:
            return found, home
    raise UsageError(
        f"{file} holds no tokenizer and there is none on this machine: name a folder with CLIP's vocab.json "
        "and merges.txt by --tokenizer FOLDER, put one called tokenizer beside the file, or fetch one with "
        "--download --tokenizer openai/clip-vit-large-patch14."
    )


def vocabulary_in(folder: Path) -> Path | None:
    """The folder itself or the one inside it that holds a vocabulary of CLIP's kind."""
    for name in FOLDERS:
        home = folder / name
        if (home / "tokenizer.json").is_file() or all(
            (home / one).is_file() for one in ("vocab.json", "merges.txt")
        ):
            return home
    return None


def check_words(folder: Path) -> None:
    """Refuse a tokenizer whose files are not what they are called, before a library meets them.

    Raises:
        UsageError: the vocabulary, the merges or a file of settings cannot be what it should.
    """
    for file in sorted(folder.glob("*.json")):
        words = read_json(file)
        if file.name == "vocab.json" and not all(type(number) is int for number in words.values()):
            raise UsageError(
                f"The vocabulary {file} gives words no numbers; take it from the model's maker again."
            )
    merges = folder / "merges.txt"
    if merges.exists() or not (folder / "tokenizer.json").is_file():
        check_content(merges, text=True)
        lines = merges.read_text("utf-8", "replace").splitlines()
        odd = next(
            (line for line in lines if line.strip() and line[:1] != "#" and len(line.split()) != 2), None
        )
        if odd is not None:
            raise UsageError(
                f"The merges {merges} hold a line that is no pair ({odd.strip()[:30]!r}); take them from the "
                "model's maker again."
            )


def _told(folder: Path) -> tuple[dict[str, Any], int]:
    """The special tokens of an encoder, and the id its end token must have."""
    told = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    told.pop("tokenizer_class", None)
    encoder = folder.parent / folder.name.replace("tokenizer", "text_encoder") / "config.json"
    return told, int(json.loads(encoder.read_text("utf-8"))["eos_token_id"])


def _read(home: Path, told: list[tuple[dict[str, Any], int]]) -> list[Any] | None:
    """The tokenizers, if this is the vocabulary the encoders were trained with."""
    from transformers import CLIPTokenizer

    made: list[Any] = []
    for special, end in told:
        try:
            one: Any = CLIPTokenizer.from_pretrained(str(home), local_files_only=True, **special)
        except Exception:  # whatever a stranger's file makes of it, it is not the one
            return None
        if one.eos_token_id != end or len(one) != end + 1:
            return None
        made.append(one)
    return made
