"""What a user says about words and windows, and how it is written on one line.

A window is a share of the steps, ``0.8``, or a stretch of them, ``0.2:0.6``. Values by word are
``fluffy=2, snowy=0.5``. Words of two prompts are ``cat=>dog``, or ``cat`` where both have it.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from overpaint.errors import UsageError
from overpaint.words import Window, Words, as_read


def listed(text: str) -> list[str]:
    """The items between the commas; a comma that ends a word of the prompt (``cat,``) stays with it."""
    return [item.strip() for item in re.split(r",(?=\s*[^\s,=])", text) if item.strip()]


def by_word(given: Any) -> Any:
    """``"cat=2, dog=0.5"`` as a mapping; whatever is not a string goes on as it is."""
    if not isinstance(given, str):
        return given
    pairs = [item.rpartition("=") for item in listed(given)]
    if not all(word.strip() and value.strip() for word, _, value in pairs):
        raise ValueError("write it as word=value, several with commas: fluffy=2, snowy=0.5")
    found = {word.strip(): value.strip() for word, _, value in pairs}
    if len({as_read(word) for word in found}) < len(pairs):
        raise ValueError("name every word once")
    return found


def as_window(given: Any) -> Any:
    """``"0.2:0.6"`` as a pair and ``"0.8"`` as a number; whatever is not a string goes on as it is."""
    if not isinstance(given, str):
        return given
    start, colon, stop = given.partition(":")
    return (start.strip(), stop.strip()) if colon else start.strip()


def forwards(window: Window) -> Window:
    """The window, if it does not end before it begins."""
    if isinstance(window, tuple) and window[0] > window[1]:
        raise ValueError(f"a window from {window[0]} to {window[1]} ends before it begins")
    return window


def two_sides(given: str) -> tuple[list[str], list[str]]:
    """``"cat=>dog"`` as the words of the source and of the target; without an arrow both have the same.

    Raises:
        UsageError: one side of the arrow is empty.
    """
    source, arrow, target = given.partition("=>")
    sides = listed(source), listed(target if arrow else source)
    if not all(sides):
        raise UsageError(
            f"{given!r} names no word on one side; write source words => target words: cat=>dog."
        )
    return sides


def concerned(named: Iterable[str], target: Words, others: Sequence[Words]) -> list[str]:
    """Of words that were named for several targets, those of one: what another target has alone is left out.

    A word that no target has stays, so that looking it up says so.
    """
    return [word for word in named if target.has(word) or not any(one.has(word) for one in others)]


def blend_of(given: str, target: Words, others: Sequence[Words]) -> str:
    """What `two_sides` takes apart, as it is for one of several targets.

    Raises:
        UsageError: it names no word of this target.
    """
    if not given.strip() or not others:
        return given
    old, new = two_sides(given)
    kept = concerned(new, target, others)
    if not kept:
        raise UsageError(
            f"{given!r} names no word of the target {target.text!r}; name one of each target: cat=>dog, bird."
        )
    return f"{', '.join(old)}=>{', '.join(kept)}"


def both_places(given: str, source: Words, target: Words, name: str = "tgt") -> dict[str, list[int]]:
    """The tokens of words given as in `two_sides`, for the branches ``src`` and ``tgt``, or the one of that
    name; none for no words.

    Raises:
        UsageError: a word is not in its prompt; the sentence names the nearest one that is.
    """
    if not given.strip():
        return {}
    sides = zip(("src", name), (source, target), two_sides(given), strict=True)
    return {name: [t for w in wanted for t in words.places(w)] for name, words, wanted in sides}


Share = Annotated[float, Field(ge=0, le=1)]
Span = Annotated[Share | tuple[Share, Share], BeforeValidator(as_window), AfterValidator(forwards)]
"""A window as an option."""
SpanByWord = Annotated[dict[str, Span], BeforeValidator(by_word)]
"""Windows by word as an option."""
FactorByWord = Annotated[dict[str, Annotated[float, Field(ge=-20, le=20)]], BeforeValidator(by_word)]
"""Factors by word as an option."""
