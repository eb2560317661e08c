"""Words that a model was never taught, and the nearest ones that it was.

Models that were trained on the captions of the world read everything; one that was taught a few words says
so in its folder, and any other word is noise to it.
"""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from overpaint.families.extras import untaught
from overpaint.model import Model
from overpaint.words import as_read

SHORTENED = re.compile(r"['’](?:s|t|re|ve|m|ll|d)\b")
CLOSE = 0.7
"""How alike two words must be spelled for one to stand for the other."""
LETTERS = 4
"""Words of fewer letters than this resemble too many others."""
NEAREST = 2
"""So many words are named in place of another."""
NAMED = 6
"""So many words are named at most."""


def unlearned(model: Model, prompts: Mapping[str, str]) -> list[str]:
    """A sentence for each prompt with words the model was never taught; ``prompts`` are by what they are.

    Prompts that lack the same words share one. None of a model that does not say what it was taught, or that
    was taught something else since (a LoRA).
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for what, prompt in prompts.items():
        strange = tuple(strangers(model, prompt))
        if strange:
            found.setdefault(strange, []).append(what)
    counts = {what: len(spoken(prompt)) for what, prompt in prompts.items()}
    return [
        sentence(model, strange, whats, 2 * len(strange) > min(counts[one] for one in whats))
        for strange, whats in found.items()
    ]


def strangers(model: Model, prompt: str) -> Iterator[str]:
    """The words of a prompt that the model was never taught, each once."""
    known = frozenset(model.suits.vocabulary)
    if not known or model.origin.loras:
        return
    yield from (word for word in dict.fromkeys(spoken(untaught(model, prompt))) if word not in known)


def spoken(prompt: str) -> list[str]:
    """The words as the tokenizer reads them, without signs and without what an apostrophe shortens."""
    return re.findall(r"[^\W_]+", SHORTENED.sub(" ", as_read(prompt)))


def nearest(model: Model, word: str) -> tuple[str, ...]:
    """The words it was taught that come nearest: those the model names itself, else by their spelling."""
    told = model.suits.near.get(word)
    if told is not None:
        return told[:NEAREST]
    if len(word) < LETTERS:
        return ()
    taught = [one for one in model.suits.vocabulary if len(one) >= LETTERS]
    close = get_close_matches(word, [*taught, *model.suits.near], n=1, cutoff=CLOSE)
    return tuple(one for match in close for one in model.suits.near.get(match, (match,)))[:NEAREST]


def sentence(model: Model, strange: tuple[str, ...], whats: list[str], most: bool) -> str:
    """What is said of the strange words of some prompts, and whether they are most of them."""
    told = ", ".join(_told(word, nearest(model, word)) for word in strange[:NAMED])
    more = f" and {len(strange) - NAMED} more" if len(strange) > NAMED else ""
    where = f"the {' and the '.join(whats)}"
    if most and len(strange) > 1:
        start = f"The model was never taught most words of {where}"
    elif len(strange) == 1:
        start = f"The model was never taught a word of {where}"
    else:
        start = f"The model was never taught some words of {where}"
    lost = "it means nothing to it" if len(strange) == 1 else "they mean nothing to it"
    count = len(model.suits.vocabulary)
    return f"{start}: {told}{more}; {lost}. It reads {count} words, which 'overpaint words' lists."


def _told(word: str, near: tuple[str, ...]) -> str:
    return f"{word!r} (nearest: {' or '.join(map(repr, near))})" if near else repr(word)
