"""A prompt without one of the things it speaks of: what is left of a picture from which that is removed."""

from collections.abc import Sequence

from overpaint.errors import UsageError
from overpaint.run.asked import Phrase, phrases
from overpaint.words import ARTICLES, JOINTS, PLACES, as_read, worded


def without(prompt: str, thing: str) -> str:
    """The prompt without the phrase that names a thing, and without what joins it to the others.

    ``a ball left of a red cube on grass`` without the ball is ``a red cube on grass``, without the cube ``a
    ball on grass``; ``a photo of a cat on a sofa`` without the cat is ``a photo on a sofa``.

    Raises:
        UsageError: it speaks of no such thing, or of nothing else.
    """
    words, wanted = worded(prompt), [as_read(one) for one in thing.split()]
    every = phrases(words)
    found = next((one for one in every if wanted and holds(words, one, wanted)), None)
    if found is None:
        raise UsageError(
            f"The picture is said to show {prompt!r}, where no thing is called {thing!r}; name it as it is "
            "called there, or say by --target what is left."
        )
    place = every.index(found)
    before = every[place - 1] if place else None
    after = every[place + 1] if place + 1 < len(every) else None
    start, stop = found.start, found.stop
    if before is not None and joined(words, before, found):
        start = before.stop
    elif after is not None and joined(words, found, after):
        start, stop = own_article(words, start), stop + joint(words[stop : after.start])
    else:
        start = own_article(words, start)
        start -= words[max(0, start - 1) : start] == ["of"]
    left = [*words[:start], *words[stop:]]
    if not any(word not in ARTICLES | JOINTS | PLACES for word in left):
        raise UsageError(f"Without {thing!r} nothing is left of {prompt!r}; say by --target what shows then.")
    return " ".join(left)


def holds(words: Sequence[str], phrase: Phrase, wanted: Sequence[str]) -> bool:
    """Whether a phrase speaks of a thing by these words."""
    own = words[phrase.start : phrase.stop]
    runs = (own[k : k + len(wanted)] for k in range(len(own) - len(wanted) + 1))
    return phrase.kind == "thing" and any(list(run) == list(wanted) for run in runs)


def joined(words: Sequence[str], one: Phrase, other: Phrase) -> bool:
    """Whether two phrases name things that stand beside each other."""
    gap = words[one.stop : other.start]
    return one.kind == other.kind == "thing" and not any(word in PLACES for word in gap)


def joint(gap: Sequence[str]) -> int:
    """How many words of a gap join two things, the article of the second left aside."""
    return sum(word not in ARTICLES for word in gap)


def own_article(words: Sequence[str], start: int) -> int:
    """Where a phrase begins with the articles before it."""
    while start and words[start - 1] in ARTICLES:
        start -= 1
    return start
