"""How one prompt becomes another, word by word. Nothing here imports a library that takes time."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Literal
from unicodedata import normalize

Change = Literal["same", "removed", "added"]


def word_changes(source: str, target: str) -> list[tuple[Change, str]]:
    """How one prompt becomes the other, as stretches of words; punctuation counts as a word."""
    composed = (normalize("NFC", text) for text in (source, target))
    ours, theirs = (re.findall(r"\w+(?:['’-]\w+)*|[^\w\s]", text) for text in composed)
    found: list[tuple[Change, str]] = []
    for kind, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if kind == "equal":
            found.append(("same", joined(ours[a:b])))
            continue
        if b > a:
            found.append(("removed", joined(ours[a:b])))
        if d > c:
            found.append(("added", joined(theirs[c:d])))
    return found


def joined(words: Sequence[str]) -> str:
    """Words as a sentence has them: no blank before punctuation."""
    return re.sub(r" ([.,;:!?])", r"\1", " ".join(words))
