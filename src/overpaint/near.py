"""Names that do not exist, and the one that was probably meant: a slip of the pen, never another meaning."""

import re
from collections.abc import Iterable, Sequence

LEAST = 3
"""Letters of a word that is taken for the beginning of another one."""
LONGEST = 100
"""Letters of a name in which a slip is looked for: that takes as long as it is, for every name there is."""
SHARE = 3
"""One letter in so many may be wrong."""


def near(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant; nothing where none is only spelled, shortened or joined otherwise.

    ``stepz`` is ``steps``, ``guidance_scale`` is ``guidance``; ``device`` and ``guidance`` share letters and
    mean different things. Of names with a dot, what stands before it must be the same.
    """
    if len(name) > LONGEST:
        return None
    head, dot, tail = name.rpartition(".")
    if dot:
        within = {one.rpartition(".")[2]: one for one in names if one.rpartition(".")[0] == head}
        found = near(tail, within)
        return None if found is None else within[found]
    known = list(names)
    same = [one for one in known if squeezed(one) == squeezed(name)]
    wrong = {one: distance(squeezed(name), squeezed(one)) for one in known}
    slips = [one for one in known if wrong[one] <= max(1, min(len(name), len(one)) // SHARE)]
    slips = sorted((one for one in slips if wrong[one] < len(squeezed(name))), key=lambda one: wrong[one])
    longer = [one for one in known if words(one) < words(name) and len(squeezed(one)) > LEAST]
    shorter = [one for one in known if words(name) < words(one)]
    cut = [one for one in known if len(name) >= LEAST and squeezed(one).startswith(squeezed(name))]
    for found in (same, slips):
        if found:
            return found[0]
    for found in (longer, shorter, cut):
        if len(found) == 1:
            return found[0]
    return None


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a sentence about a name that does not exist."""
    known = list(names)
    found = near(name, known)
    if found is not None:
        return f"did you mean {found!r}?"
    return f"there are: {', '.join(known)}." if known else "there are none."


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Names as a sentence has them."""
    *others, last = map(repr, names)
    return f"{', '.join(others)} {joint} {last}" if others else last


def words(name: str) -> set[str]:
    """The words of a name; beside others, those of three letters and fewer tell nothing."""
    every = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    return {word for word in every if len(word) > LEAST} or set(every)


def squeezed(name: str) -> str:
    """Its letters and figures alone."""
    return re.sub(r"[\W_]+", "", name.lower())


def distance(one: str, other: str) -> int:
    """How many letters are missing, too many, wrong, or exchanged with their neighbour."""
    before, row = list[int](), list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        now = [i]
        for k, wanted in enumerate(other, 1):
            least = min(row[k] + 1, now[k - 1] + 1, row[k - 1] + (letter != wanted))
            if i > 1 and k > 1 and letter == other[k - 2] and one[i - 2] == wanted:
                least = min(least, before[k - 2] + 1)
            now.append(least)
        before, row = row, now
    return row[-1]
