"""Rivals of a prompt: sentences that differ from it in one word, which a picture must be told apart from.

A classifier needs classes. The network and CLIP can only be asked how well a sentence fits a picture, so the
sentence that was asked for is held against others that are nearly the same (zero-shot classification: Radford
et al. 2021, arXiv:2103.00020; with a diffusion model: Li et al., ICCV 2023, arXiv:2303.16203).
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache

import torch

from overpaint.network import Eye

STYLE = "style"
"""A kind whose words stand in phrases (a pencil drawing of), which no single other word would leave whole."""
SAME = 0.986
"""Cosine from which on two words mean the same: Still Life's have 0.988 or more, others 0.984 or less."""
Kinds = tuple[tuple[str, str], ...]
"""Words, and of which kind they are."""


@lru_cache(maxsize=4)
def meanings(eye: Eye, kinds: Kinds) -> Mapping[str, str]:
    """For each word the first of its kind that means the same: a sphere is a ball."""
    found = dict[str, str]()
    with torch.no_grad():
        read = dict(zip(dict(kinds), eye.read([f"a {word}" for word, _ in kinds]), strict=True))
    for word, kind in kinds:
        firsts = [one for one, of in kinds if of == kind and found.get(one) == one]
        found[word] = next((one for one in firsts if float(read[one] @ read[word]) >= SAME), word)
    return found


def rivals(prompt: str, kinds: Mapping[str, str], eye: Eye) -> list[str]:
    """The prompt with one word exchanged for every other of its kind; nothing where no kinds are known."""
    known = tuple((word, kind) for word, kind in kinds.items() if kind != STYLE)
    return list(dict.fromkeys(exchanged(prompt, dict(known), meanings(eye, known)))) if known else []


def exchanged(prompt: str, kinds: Mapping[str, str], means: Mapping[str, str]) -> Iterator[str]:
    """One word for another, from the first word to the last."""
    words = prompt.split()
    for place, word in enumerate(words):
        bare = word.strip(",.").lower()
        for other, kind in kinds.items():
            if kind == kinds.get(bare) and other == means[other] != means[bare]:
                yield " ".join([*words[:place], word.lower().replace(bare, other), *words[place + 1 :]])
