"""From prompts to words to tokens: which token belongs to which word, and how two prompts line up.

The alignments are those of Prompt-to-Prompt (Hertz et al., ICLR 2023, arXiv:2208.01626): word swap with one
place per word, refinement by a global alignment of the tokens.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from unicodedata import name, normalize

import torch
from jaxtyping import Float
from torch import Tensor

from overpaint.errors import UsageError

Window = float | tuple[float, float]
"""A share of the walk: ``0.8`` is its first four fifths, ``(0.2, 0.6)`` a stretch in the middle."""


Tokens = Callable[[str], Sequence[int]]
"""The ids of a text without begin and end."""
BESIDE = re.compile(r"^(\W*)(.*?)(\W*)$", re.DOTALL)
"""A word and the signs on both sides of it."""
ENDING = re.compile(r"^()(.*?)([.,;:!?…]+)$", re.DOTALL)
POSSESSIVE = re.compile(r"^(\W*)(.*?)(['’](?:s|t|re|ve|m|ll|d)?\W*)$", re.DOTALL | re.IGNORECASE)
WITHOUT_BLANKS = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
"""Scripts whose words stand side by side, as their letters' names begin."""

ARTICLES = frozenset("a an the some one two three another this that his her their its my your".split())
PLACES = frozenset("on in at by under over above below near behind during inside outside against".split())
"""Words that put a thing somewhere, or somewhen."""
JOINTS = frozenset(
    "of and or with to from left right next beside between wearing holding , as is are".split()
)
SIGNS = ".,;:!?()[]\"'"


@dataclass(frozen=True)
class Words:
    """A prompt taken apart: its words, split at spaces, and the tokens of each."""

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, ...], ...]
    """Token places of each word, counted from the begin token at 0."""
    ids: tuple[int, ...]
    """Token ids with begin and end, without padding."""
    window: int
    """How many tokens the text encoder reads."""
    bare: tuple[Mapping[str, tuple[int, ...]], ...] = field(default=(), compare=False)
    """Of each word the forms without a comma, a possessive or brackets beside it, and their tokens."""

    @staticmethod
    def of(text: str, tokens: Tokens, begin: int, end: int, window: int) -> "Words":
        """Take a prompt apart; ``tokens`` gives the ids of a text without begin and end."""
        words = tuple(text.split())
        spans: list[tuple[int, ...]] = []
        ids: list[int] = [begin]
        for word in words:
            own = tokens(word)
            spans.append(tuple(range(len(ids), len(ids) + len(own))))
            ids += own
        ids.append(end)
        if len(ids) > window:
            raise UsageError(
                f"The prompt has {len(ids) - 2} tokens, but this model reads at most {window - 2}; "
                "shorten it."
            )
        bare = tuple(bared(word, span, tokens) for word, span in zip(words, spans, strict=True))
        return Words(text, words, tuple(spans), tuple(ids), window, bare)

    def places(self, word: str) -> tuple[int, ...]:
        """The tokens of every occurrence of a word (or of several words in a row).

        Words are compared as the tokenizer compares them: capitals and the way an accent is encoded make no
        difference, and what stands beside a word, such as a comma, is not part of it.
        """
        wanted = [as_read(one) for one in word.split()]
        if not wanted:
            raise UsageError("An empty word cannot be looked up in the prompt; name a word that is in it.")
        found: list[int] = []
        for start in range(len(self.words) - len(wanted) + 1):
            own = [self._span(start + k, one) for k, one in enumerate(wanted)]
            found += [t for span in own for t in span] if all(own) else []
        if not found:
            raise UsageError(f"The word {word!r} is not in the prompt {self.text!r}; {self._hint(word)}")
        return tuple(found)

    def has(self, word: str) -> bool:
        """Whether the prompt has this word, or these several in a row."""
        try:
            return bool(self.places(word))
        except UsageError:
            return False

    def _span(self, k: int, wanted: str) -> tuple[int, ...]:
        """The tokens of the word in a place, if it is the one that is wanted."""
        if as_read(self.words[k]) == wanted:
            return self.spans[k]
        return self.bare[k].get(wanted, ()) if self.bare else ()

    def _hint(self, word: str) -> str:
        wanted = as_read("".join(word.split()))
        if side_by_side(wanted) and wanted in as_read("".join(self.text.split())):
            return f"its words stand side by side: put blanks around {word!r} in the prompt, and name it so."
        forms = {as_read(one): one for one in self.words}
        forms |= {form: form for bare in self.bare for form in bare if form}
        near = get_close_matches(as_read(word), forms, n=1, cutoff=0.5)
        return f"did you mean {forms[near[0]]!r}?" if near else f"its words are: {self._listed()}."

    def _listed(self) -> str:
        return ", ".join(self.words) or "none"


def as_read(word: str) -> str:
    """A word as the tokenizer sees it: small letters, every accent in one with its letter."""
    return normalize("NFC", word).lower()


def worded(prompt: str) -> list[str]:
    """The words as they are compared: small letters, commas by themselves, no other signs."""
    spaced = as_read(prompt).replace(",", " , ")
    return [bare for word in spaced.split() if (bare := word if word == "," else word.strip(SIGNS))]


def bared(word: str, span: tuple[int, ...], tokens: Tokens) -> dict[str, tuple[int, ...]]:
    """The word without what stands beside it, where its tokens can be told from those of that."""
    found: dict[str, tuple[int, ...]] = {}
    for form in (ENDING, POSSESSIVE, BESIDE):
        parts = form.match(word)
        before, core, behind = ("", "", "") if parts is None else parts.groups()
        if not core or core == word:
            continue
        ids = [list(tokens(part)) if part else [] for part in (before, core, behind)]
        if [one for part in ids for one in part] == list(tokens(word)):
            first = span[0] + len(ids[0])
            found[as_read(core)] = tuple(range(first, first + len(ids[1])))
    return found


def side_by_side(word: str) -> bool:
    """Whether a word is of a script that puts no blanks between words."""
    return any(name(letter, "").startswith(WITHOUT_BLANKS) for letter in word)


@dataclass(frozen=True)
class Alignment:
    """How a target prompt's token maps are made from the source's.

    A target map is ``kept * (source maps @ matrix) + (1 - kept) * own map``.
    """

    matrix: Float[Tensor, "source target"]
    kept: Float[Tensor, " target"]


def swap(source: Words, target: Words, official: bool = False) -> Alignment:
    """Word swap: each word takes the map of the word in the same place.

    A word of several tokens shares the map of the word it replaces out evenly. ``official`` repeats the
    published code, which shifts every map behind the last swapped word when the two words differ in tokens.

    Raises:
        UsageError: the prompts have different numbers of words.
    """
    if len(source.words) != len(target.words):
        raise UsageError(
            f"A word swap needs prompts with equally many words, but the source has {len(source.words)} and "
            f"the target {len(target.words)}; use the edit kind 'refine' or reword one of them."
        )
    n = source.window
    matrix = torch.zeros(n, n)
    i = j = 0
    pairs = zip(map(as_read, source.words), map(as_read, target.words), strict=True)
    for k in [k for k, (old, new) in enumerate(pairs) if old != new]:
        old, new = source.spans[k], target.spans[k]
        while i < old[0]:
            matrix[i, j] = 1
            i, j = i + 1, j + 1
        if len(old) == len(new):
            matrix[list(old), list(new)] = 1
        else:
            matrix[old[0] : old[-1] + 1, new[0] : new[-1] + 1] = 1 / len(new)
        i, j = old[-1] + 1, new[-1] + 1
    for column in range(j, n):
        row = column if official else min(i + column - j, n - 1)
        # The published loop ends with its place in the source and leaves the last columns empty.
        matrix[row, column] = float(not official or i + column - j < n)
    return Alignment(matrix, torch.ones(n))


def copy(source: Words, target: Words) -> Alignment:
    """Every token takes the map of the token in the same place, whatever it is: what re-weighting alone does.

    Raises:
        UsageError: the two were made for text encoders of different length.
    """
    if source.window != target.window:
        raise UsageError("Both prompts must be read by the same text encoder; encode them with one model.")
    return Alignment(torch.eye(target.window), torch.ones(target.window))


def refine(source: Words, target: Words) -> Alignment:
    """Refinement: tokens both prompts share take the source's map, new tokens keep their own.

    Needleman-Wunsch over the token ids with gap 0, match 1, mismatch -1 (arXiv:2208.01626, section 4).
    """
    n = source.window
    matrix, kept = torch.zeros(n, n), torch.ones(n)
    partners = _partners(source.ids, target.ids)
    for j, i in enumerate(partners):
        if i is None:
            kept[j] = 0
        else:
            matrix[i, j] = 1
    for j in range(len(partners), n):
        matrix[j, j] = 1
    return Alignment(matrix, kept)


def _partners(x: Sequence[int], y: Sequence[int]) -> list[int | None]:
    """For every token of ``y`` the place in ``x`` it is aligned with; ties leave the target's token alone."""
    score = [[0] * (len(y) + 1) for _ in range(len(x) + 1)]
    for i, a in enumerate(x):
        for j, b in enumerate(y):
            score[i + 1][j + 1] = max(score[i + 1][j], score[i][j + 1], score[i][j] + (1 if a == b else -1))
    found: list[int | None] = [None] * len(y)
    i, j = len(x), len(y)
    while i and j:
        if score[i][j] == score[i][j - 1]:
            j -= 1
        elif score[i][j] == score[i - 1][j]:
            i -= 1
        else:
            i, j = i - 1, j - 1
            found[j] = i
    return found


def bounds(window: Window) -> tuple[float, float]:
    """A window as its two ends."""
    return window if isinstance(window, tuple) else (0.0, window)


def windows(
    target: Words, steps: int, default: Window, words: Mapping[str, Window]
) -> Float[Tensor, "rows tokens"]:
    """When each target token follows the source: a table of 0 and 1 by step.

    The published table has one row more than there are steps (its sampler made one call more), and a share is
    counted in those rows; that convention is kept, so ``0.8`` of 50 steps is 40 of them and ``1`` all.
    """
    table = torch.zeros(steps + 1, target.window)

    def fill(window: Window, columns: Sequence[int]) -> None:
        start, stop = (int(share * (steps + 1)) for share in bounds(window))
        table[:, list(columns)] = 0
        table[start:stop, list(columns)] = 1

    fill(default, range(target.window))
    for word, window in words.items():
        fill(window, target.places(word))
    return table


def weights(target: Words, reweight: Mapping[str, float]) -> Float[Tensor, " tokens"]:
    """The factor of every target token: 1 except at re-weighted words."""
    factors = torch.ones(target.window)
    for word, factor in reweight.items():
        factors[list(target.places(word))] = factor
    return factors
