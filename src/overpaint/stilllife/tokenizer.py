"""The world's tokenizer: a real CLIP tokenizer in which every word of the vocabulary is one token."""

import string
from collections import Counter
from functools import cache
from itertools import pairwise
from pathlib import Path

from overpaint.families.wordlevel import BOS, EOS, Tokenizer, read, write
from overpaint.stilllife.words import VOCABULARY

END = "</w>"
"""Marks the end of a word inside a token."""
MAX_LENGTH = 40
"""Tokens of a prompt, with the two marks around it; shorter ones are filled up with EOS."""
LETTERS = string.ascii_lowercase + string.digits + ".,;:!?'\"-()&/+="
"""Single characters that spell unknown words."""
FOLDER = Path(__file__).parent / "model" / "tokenizer"

Pieces = tuple[str, ...]


def vocabulary() -> dict[str, int]:
    """Token to id: whole words first, then single characters, then the pieces the merges need, then marks."""
    words = [word + END for word in VOCABULARY]
    singles = [letter + end for end in ("", END) for letter in LETTERS]
    pieces = [a + b for a, b in merges()]
    tokens = dict.fromkeys([*words, *singles, *pieces, BOS, EOS])
    return {token: index for index, token in enumerate(tokens)}


@cache
def merges() -> tuple[tuple[str, str], ...]:
    """Byte-pair merges, learned on the vocabulary until every word is whole.

    Encoding replays the merges in the order they were learned, so every word becomes whole again; ties in the
    counts go to the first pair in alphabetical order.
    """
    spelled: list[Pieces] = [(*word[:-1], word[-1] + END) for word in VOCABULARY]
    found: list[tuple[str, str]] = []
    while any(len(pieces) > 1 for pieces in spelled):
        counts = Counter(pair for pieces in spelled for pair in pairwise(pieces))
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        found.append(best)
        spelled = [_merged(pieces, best) for pieces in spelled]
    return tuple(found)


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
"""Ids of the marks; EOS is also the padding and stands for unknown characters."""


def tokenizer(folder: str | Path = FOLDER) -> Tokenizer:
    """The tokenizer kept in `folder`; it is written there first when the folder has none."""
    if not (Path(folder) / "tokenizer_config.json").exists():
        build(folder)
    return read(folder)


def build(folder: str | Path) -> None:
    """Write the tokenizer's files to `folder`."""
    write(folder, vocabulary(), merges(), MAX_LENGTH)
