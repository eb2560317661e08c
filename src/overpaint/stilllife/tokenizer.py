"""The world's tokenizer: a real CLIP tokenizer in which every word of the vocabulary is one token."""

from __future__ import annotations

import json
import string
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overpaint.stilllife.words import VOCABULARY

if TYPE_CHECKING:
    from transformers import CLIPTokenizer

END = "</w>"
"""Marks the end of a word inside a token."""
BOS, EOS = "<|startoftext|>", "<|endoftext|>"
MAX_LENGTH = 40
"""Tokens of a prompt, with the two marks around it; shorter ones are filled up with EOS."""
LETTERS = string.ascii_lowercase + string.digits + ".,;:!?'\"-()&/+="
"""Single characters that spell unknown words."""

Pieces = tuple[str, ...]
FOLDER = Path(__file__).parent / "model" / "tokenizer"


def vocabulary() -> dict[str, int]:
    """Token to id: whole words first, then single characters, then the pieces the merges need, then marks."""
    words = [word + END for word in VOCABULARY]
    singles = [c + end for end in ("", END) for c in LETTERS]
    pieces = [a + b for a, b in merges()]
    tokens = dict.fromkeys([*words, *singles, *pieces, BOS, EOS])
    return {token: index for index, token in enumerate(tokens)}


def merges() -> list[tuple[str, str]]:
    """Byte-pair merges, learned on the vocabulary until every word is whole; ties go to the first in order."""
    spelled: list[Pieces] = [(*word[:-1], word[-1] + END) for word in VOCABULARY]
    found: list[tuple[str, str]] = []
    while any(len(pieces) > 1 for pieces in spelled):
        counts = Counter(pair for pieces in spelled for pair in zip(pieces, pieces[1:], strict=False))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        found.append(best)
        spelled = [_merged(pieces, best) for pieces in spelled]
    return found


def _merged(pieces: Pieces, pair: tuple[str, str]) -> Pieces:
    out: list[str] = []
    for piece in pieces:
        if out and (out[-1], piece) == pair:
            out[-1] += piece
        else:
            out.append(piece)
    return tuple(out)


VOCABULARY_SIZE = len(vocabulary())
BOS_ID, EOS_ID = VOCABULARY_SIZE - 2, VOCABULARY_SIZE - 1


def tokenizer(folder: str | Path = FOLDER) -> CLIPTokenizer:
    """Load the tokenizer kept in `folder`; build it there first when the folder has none."""
    from transformers import CLIPTokenizer

    folder = Path(folder)
    if not (folder / "tokenizer_config.json").exists():
        build(folder)
    return CLIPTokenizer.from_pretrained(folder)


def build(folder: str | Path) -> None:
    """Write the tokenizer's files to `folder`."""
    from transformers import CLIPTokenizer

    options: dict[str, Any] = {"bos_token": BOS, "eos_token": EOS, "unk_token": EOS, "pad_token": EOS}
    made = CLIPTokenizer(vocab=vocabulary(), merges=merges(), model_max_length=MAX_LENGTH, **options)
    made.save_pretrained(str(folder))
    # Older loaders of the same class read these two.
    Path(folder, "vocab.json").write_text(json.dumps(vocabulary(), indent=0))
    Path(folder, "merges.txt").write_text("#version: 0.2\n" + "\n".join(f"{a} {b}" for a, b in merges()) + "\n")
