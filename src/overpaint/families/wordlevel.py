"""CLIP tokenizers made from a word list, kept as every pipeline of the field reads them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from transformers import CLIPTokenizer

Tokenizer = CLIPTokenizer
BOS, EOS = "<|startoftext|>", "<|endoftext|>"


def read(folder: str | Path) -> Tokenizer:
    """The tokenizer kept in a folder."""
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def write(
    folder: str | Path, vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], length: int
) -> None:
    """Write a tokenizer of these tokens; unknown characters and padding are EOS, as in CLIP."""
    special = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
    pairs = cast(Any, list(merges))  # annotated as strings there, wanted as pairs
    made = CLIPTokenizer(vocab=dict(vocabulary), merges=pairs, model_max_length=length, **special)
    made.save_pretrained(str(folder))
    # Older loaders of the same class read these two.
    Path(folder, "vocab.json").write_text(json.dumps(vocabulary, indent=0))
    lines = ["#version: 0.2", *(f"{a} {b}" for a, b in merges), ""]
    Path(folder, "merges.txt").write_text("\n".join(lines))
