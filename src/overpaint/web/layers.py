"""Going on from edits without wearing the picture out: every edit is made from the original again.

What lies inside a mask is made from the original and laid on the accepted picture. An edit of the whole
picture is made from the original with all words that changed outside masks, and the edits that had a mask are
made again over it, each inside its own mask. So no pixel passes through the model more than once.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

Work = dict[str, Any]


def works(work: Work) -> Iterator[Work]:
    """All edits that a piece of work is made of: the first by itself, each other laid on the one before."""
    first = {name: value for name, value in work.items() if name not in ("whole", "layers")}
    if "whole" in work:
        first["request"] = {**first["request"], "target": work["whole"]}
    yield first
    yield from work.get("layers", ())


def carried(texts: Sequence[str], masked: Sequence[bool], start: int) -> str:
    """A text of the way with all later changes of the whole picture: edits inside masks have no say in it."""
    found = texts[start]
    for before, after, inside in list(zip(texts[:-1], texts[1:], masked, strict=True))[start:]:
        found = found if inside else changed(found, before, after)
    return found


def changed(text: str, before: str, after: str) -> str:
    """A text with the words that changed between two others; where it differs already, it gives way."""
    own, old, new = text.split(), before.split(), after.split()
    where = boundaries(old, own)
    found, at = list[str](), 0
    for kind, i, j, a, b in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            end = max(at, where[j][1])
            start = end if i == j else min(end, max(at, where[i][0]))
            found += [*own[at:start], *new[a:b]]
            at = end
    return " ".join([*found, *own[at:]])


def boundaries(old: Sequence[str], own: Sequence[str]) -> list[tuple[int, int]]:
    """Where the places between words are in another text: for what begins there, and for what ends there."""
    every = SequenceMatcher(None, old, own, autojunk=False).get_opcodes()
    found = [(0, 0)] * (len(old) + 1)
    for _, i, j, a, _ in (one for one in every if one[0] == "equal"):
        found[i : j + 1] = [(a + k, a + k) for k in range(j + 1 - i)]
    for _, i, j, a, b in (one for one in every if one[0] != "equal"):
        if i == j:
            found[i] = (b, a)  # the other has more words here: they belong to neither side
        else:
            found[i : j + 1] = [(a, a), *[(a, b)] * (j - i - 1), (b, b)]
    return found
