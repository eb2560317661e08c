"""Sentences about a thing: from templates that are shipped or a model's own, or from a file.

They are what a direction of editing is made of (`overpaint.tune.direction`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path as FilePath
from typing import NamedTuple

from overpaint.errors import UsageError
from overpaint.words import ARTICLES, JOINTS, PLACES, worded

BLANK = "{}"
"""Where the words stand in a template."""
MOST = 10_000
"""Sentences of a side, and lines of a file."""
LONGEST = 1000
"""Letters of a sentence: far beyond what any text encoder reads."""
ANY = ""
"""The kind of words under which a model keeps templates for whatever is named with its article."""
LOOKS = (
    *("{}", "a photo of {}", "a picture of {}", "a snapshot of {}", "a close-up of {}", "a wide shot of {}"),
    *("a bright photo of {}", "a gloomy photo of {}", "an old photograph of {}", "a sharp picture of {}"),
    *(
        "a grainy picture of {}",
        "a painting of {}",
        "a sketch of {}",
        "a poster with {}",
        "a postcard with {}",
    ),
    *("there is {}", "somebody watches {}", "a story about {}", "a frame filled by {}", "one can see {}"),
)
"""How a sentence may begin."""
WHERE = (
    *("", "in the garden", "in a meadow", "in the street", "on a table", "in the kitchen", "in deep snow"),
    *("by the sea", "below a tree", "before an old house", "on the lawn", "in the woods", "at night"),
    *("at sunset", "early in the morning", "in the rain", "in bright sunshine", "in a park", "by a river"),
    *("on a hill", "in the city", "in an empty room", "on the beach", "beside a wall", "behind a fence"),
    *("on a wooden floor", "on a blue sofa", "at the window", "in a quiet village", "on a bridge"),
    *("in autumn leaves", "under a grey sky", "among flowers", "in the mountains", "on a dusty road"),
    *("near a barn", "in soft light", "in the shade", "on a stage", "in a museum", "beside a lamp"),
    *("in front of a mountain", "on green moss", "in a busy market", "at the lake", "in the desert"),
    *("on a balcony", "in thick fog", "next to a red box", "with a plain background"),
)
"""How it may go on."""


STRIDE = 7
"""Places between a look and the next: no divisor of their number, so that none comes twice."""


def shipped() -> list[str]:
    """Every look with every place, as many as the paper has; any few that follow each other differ."""
    places = len(WHERE)
    return [
        f"{look} {WHERE[(turn + STRIDE * k) % places]}".strip()
        for turn in range(places)
        for k, look in enumerate(LOOKS)
    ]


def spread(several: Sequence[str], count: int) -> list[str]:
    """So many of them, evenly over all; all where there are fewer."""
    count = min(count, len(several))
    return [several[k * len(several) // count] for k in range(count)]


def filled(templates: Sequence[str], words: str) -> list[str]:
    """The templates with words in their blanks; none at all are legal."""
    return [" ".join(one.replace(BLANK, words).split()) for one in templates]


class Difference(NamedTuple):
    """What two prompts say differently: the bare words, and the phrases they stand in with their articles."""

    bare: tuple[str, str]
    phrases: tuple[str, str]


def difference(source: str, target: str) -> Difference:
    """Between the words that both prompts begin with and those that both end with.

    A phrase goes on to both sides as far as it speaks of one thing, and where a prompt has nothing there it
    begins with the thing before; a whole prompt stands for itself where nothing is shared.
    """
    sides = worded(source), worded(target)
    most = min(map(len, sides))
    first = next((k for k in range(most) if sides[0][k] != sides[1][k]), most)
    most -= first
    last = next((k for k in range(most) if sides[0][-1 - k] != sides[1][-1 - k]), most)
    bare = tuple(" ".join(side[first : len(side) - last]) for side in sides)
    begin, end = _begin(sides[0], first, all(bare)), last
    while end and sides[0][-end] not in ARTICLES | PLACES | JOINTS:
        end -= 1
    phrases = tuple(" ".join(side[begin : len(side) - end]) for side in sides)
    return Difference((bare[0], bare[1]), (phrases[0], phrases[1]))


def _begin(words: Sequence[str], first: int, both: bool) -> int:
    """Where the phrase around a place begins: at its article, or behind the small word before it."""
    begin = first
    if not both:  # the thing before it stands in for what one prompt lacks
        while begin and words[begin - 1] in ARTICLES | PLACES | JOINTS:
            begin -= 1
    while begin and words[begin - 1] not in ARTICLES | PLACES | JOINTS:
        begin -= 1
    return begin - 1 if begin and words[begin - 1] in ARTICLES else begin


def with_article(words: str) -> str:
    """``a cat`` for ``cat``; what has an article, or speaks of several, stays as it is.

    Raises:
        UsageError: there is no word.
    """
    own = words.split()
    if not own:
        raise UsageError(
            "A direction leads from words to words; name what is there and what shall be: cat dog."
        )
    several = own[-1].lower().endswith("s") and not own[-1].lower().endswith("ss")
    if own[0].lower() in ARTICLES or several:
        return " ".join(own)
    return f"{'an' if own[0][0].lower() in 'aeiou' else 'a'} {' '.join(own)}"


def sides_of(
    own: Mapping[str, Sequence[str]], kinds: Mapping[str, str], parts: Difference, count: int
) -> tuple[list[str], list[str]]:
    """Sentences with the one and with the other.

    Args:
        own: templates of a model by the kind of words that belong into their blanks.
        kinds: which kind a word is of; words that it does not know do not count.
        parts: what differs.
        count: how many there are to be, at most.
    """
    of = {kinds[word] for side in parts.bare for word in side.split() if word in kinds}
    kind = of.pop() if len(of) == 1 else ANY
    templates = own.get(kind) or own.get(ANY) or shipped()
    words = parts.bare if kind != ANY and kind in own else parts.phrases
    chosen = spread(templates, count)
    return filled(chosen, words[0]), filled(chosen, words[1])


def read_sentences(file: FilePath) -> list[str]:
    """The sentences of a file, one a line; blank lines do not count.

    Raises:
        UsageError: it cannot be read, is no text, or holds fewer than two sentences or too many.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The sentences in {file} cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text; write sentences into it, one a line, in UTF-8.") from None
    found = [" ".join(line.split()) for line in text.splitlines() if line.split()]
    if len(found) < 2:
        has = "one sentence" if found else "no sentence"
        raise UsageError(
            f"{file} holds {has}, but a direction is a mean over several; write two or more, one a line."
        )
    if len(found) > MOST:
        raise UsageError(f"{file} holds {len(found)} sentences, more than {MOST}; leave some out.")
    long = next((k for k, one in enumerate(found) if len(one) > LONGEST or not one.isprintable()), None)
    if long is not None:
        raise UsageError(
            f"Sentence {long + 1} of {file} is none that a model could read; mend it or leave it out."
        )
    return found
