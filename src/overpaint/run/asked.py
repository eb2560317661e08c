"""What two prompts ask for: which kind of difference there is between them, read from their words alone.

A method may keep other defaults for a thing that turns into another one than for a change of the daylight;
which of the two is wanted has to be told from the prompts, since nobody says it. Everything here is a rule
about English sentences, not about a model; a model that knows its words may add of which kind each of them
is.
"""

from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

from overpaint.words import ARTICLES, JOINTS, PLACES, worded

Asked = Literal["same", "thing", "attribute", "added", "removed", "order", "surroundings", "style", "mixed"]
"""A kind of difference.

``thing``: a noun for another, be it with words that describe it. ``attribute``: a word that describes a
noun, changed, added or left out. ``added``, ``removed``: a whole phrase more or less. ``order``: the same
words, placed otherwise. ``surroundings``: where and when. ``style``: what sort of picture. ``mixed``: more
than one of these.
"""
Hunk = tuple[str, int, int, int, int]
"""An opcode of `difflib.SequenceMatcher`: what happens to which words of the source and the target."""


class Phrase(NamedTuple):
    """A run of words that speaks of one thing; the last of them names it."""

    start: int
    stop: int
    kind: Literal["thing", "surroundings", "style"]


def asked(source: str, target: str, kinds: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The kind of difference between two prompts, and what is known more closely of it, best first.

    ``kinds`` is what a model knows of its words, such as that ``red`` is a ``colour``. Where all words that
    differ are of one such kind, the first answer is, say, ``attribute.colour``; the last one is always one
    of `Asked`.
    """
    before, after = (worded(prompt) for prompt in (source, target))
    hunks = [h for h in SequenceMatcher(None, before, after, autojunk=False).get_opcodes() if h[0] != "equal"]
    if not hunks:
        return ("same",)
    if sorted(before) == sorted(after):
        return ("order",)
    found = {kind for hunk in hunks for kind in of_hunk(hunk, before, after)}
    if len(found) > 1:
        return ("thing",) if found == {"thing", "attribute"} else ("mixed",)
    (kind,) = found
    finer = {(kinds or {}).get(word) for word in changed(hunks, before, after)} - {None}
    return (f"{kind}.{finer.pop()}", kind) if len(finer) == 1 else (kind,)


def changed(hunks: Iterable[Hunk], before: Sequence[str], after: Sequence[str]) -> list[str]:
    """All words that are in one prompt alone."""
    return [word for _, a, b, c, d in hunks for word in (*before[a:b], *after[c:d])]


def phrases(words: Sequence[str]) -> list[Phrase]:
    """The phrases of a prompt: runs between articles and small words.

    What stands before the first ``of`` names the sort of picture (a photo of), as does what follows a comma
    without an article (, oil painting); what follows a word of place says where the picture plays.
    """
    found, start = list[Phrase](), 0
    small = ARTICLES | PLACES | JOINTS
    for stop in range(len(words) + 1):
        if stop < len(words) and words[stop] not in small:
            continue
        if stop > start:
            found.append(Phrase(start, stop, _kind_of(words, start, stop, not found)))
        start = stop + 1
    return found


def _kind_of(
    words: Sequence[str], start: int, stop: int, first: bool
) -> Literal["thing", "surroundings", "style"]:
    if (first and words[stop : stop + 1] == ["of"]) or words[start - 1 : start] == [","]:
        return "style"
    ahead = [word for word in words[max(0, start - 2) : start] if word not in ARTICLES]
    return "surroundings" if ahead and ahead[-1] in PLACES else "thing"


def of_hunk(hunk: Hunk, before: Sequence[str], after: Sequence[str]) -> set[Asked]:
    """The kinds of difference in one stretch."""
    what, a, b, c, d = hunk
    sides = [(before, a, b)] if what == "delete" else [(after, c, d)]
    sides = [(before, a, b), (after, c, d)] if what == "replace" else sides
    found = [parts(*side) for side in sides]
    if what != "replace":
        return {_more("added" if what == "insert" else "removed", part) for part in found[0]}
    was, now = found
    if _things(was) != _things(now):
        return {"added" if _things(now) > _things(was) else "removed"}
    return {_swapped(part) for part in (*was, *now)}


Part = tuple[str, bool]
"""The kind of a phrase, and whether the stretch takes the word that names its thing."""


def parts(words: Sequence[str], start: int, stop: int) -> list[Part]:
    """Which phrases a stretch touches."""
    touched = [p for p in phrases(words) if p.start < stop and start < p.stop]
    return [(p.kind, start <= p.stop - 1 < stop) for p in touched] or [("thing", False)]


def _things(found: Sequence[Part]) -> int:
    return sum(kind == "thing" and named for kind, named in found)


def _more(which: Literal["added", "removed"], part: Part) -> Asked:
    kind, named = part
    match kind:
        case "style":
            return "style"
        case "surroundings":
            return "surroundings"
        case _:
            return which if named else "attribute"


def _swapped(part: Part) -> Asked:
    kind, named = part
    match kind:
        case "style":
            return "style"
        case "surroundings":
            return "surroundings"
        case _:
            return "thing" if named else "attribute"
