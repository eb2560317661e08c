"""Everyday edits by one call each: paint something anew, extend a picture, remove a thing.

They are the method ``inpaint`` with what suits each of them; `overpaint.edit` does the same with more words.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from overpaint.api import carried_out, edit, of_name
from overpaint.errors import UsageError
from overpaint.images import Limits
from overpaint.images.runs import Runs
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.neutral import neutral
from overpaint.run.inputs import Given, shows, taken_in
from overpaint.run.regions import Regions, read_regions, regions_by_words
from overpaint.run.request import edit_request
from overpaint.run.result import Edit
from overpaint.run.without import without

METHOD, MODEL = "inpaint", "still-life-inpaint"
"""What is used by itself: a network that was made for inpainting, which is shown what is around the mask."""
LOOKED = 0.5
"""Share of the path on which it is watched where words look: what is in the picture is still there."""
AROUND = 4
"""Pixels by which the mask of a thing is widened when it is removed: its shadow and its edge go too."""


def inpaint(
    image: Given,
    *,
    target: str,
    mask: Given | Runs | None = None,
    mask_box: str | Sequence[int] | None = None,
    mask_words: str | Sequence[str] | None = None,
    mask_diff: bool = False,
    model: str | Model = MODEL,
    **more: Any,
) -> Edit:
    """Paint what ``target`` says where the picture may change; everywhere else it stays bit for bit.

    Args:
        image, mask, mask_box, mask_words, mask_diff: as for `overpaint.edit`; one of the masks must be given.
        target: what the whole picture should show then, or what should be painted.
        model: as for `overpaint.edit`; an ordinary network will do, but sees less of the surroundings.
        more: whatever else `overpaint.edit` takes, and the options of ``inpaint``.

    Raises:
        UsageError: as `overpaint.edit`.
    """
    where = {"mask": mask, "mask_box": mask_box, "mask_words": mask_words, "mask_diff": mask_diff}
    return edit(image, target=target, method=METHOD, model=model, **where, **more)


def outpaint(image: Given, *, extend: str, target: str = "", model: str | Model = MODEL, **more: Any) -> Edit:
    """Extend a picture beyond its edges; what it showed before stays bit for bit.

    Args:
        image, more: as for `inpaint`.
        extend: pixels to add to its sides, ``"left=64,top=0"``.
        target: what the whole picture should show; by itself what the picture says it shows.
        model: as for `inpaint`.

    Raises:
        UsageError: nothing is to be added, or nobody knows what it shows.
    """
    if not extend:
        raise UsageError("Say by how many pixels to extend the picture, such as left=64,top=0.")
    picture, said = known(image, more)
    wish = target or more.get("source", "") or said
    if not wish:
        raise UsageError("The picture does not say what it shows; give the target prompt.")
    return edit(picture, target=wish, extend=extend, method=METHOD, model=model, **more)


def remove(
    image: Given,
    words: str = "",
    *,
    source: str = "",
    target: str = "",
    mask: Given | Runs | None = None,
    grow: int = AROUND,
    model: str | Model = MODEL,
    **more: Any,
) -> Edit:
    """Remove a thing; around it the picture stays bit for bit.

    Args:
        image, mask, more: as for `inpaint`.
        words: what to remove, as ``source`` calls it; the model looks for it where there is no mask.
        source: what the picture shows; by itself what it says.
        target: what is left; by itself ``source`` without that thing.
        grow: pixels by which the mask is widened, as a thing has a shadow.
        model: as for `inpaint`.

    Raises:
        UsageError: neither words nor a mask are given, or nobody knows what is left.
    """
    picture, found = known(image, more)
    said = source or found
    wish = target or left_of(said, words)
    masked = mask is not None or more.get("mask_box") is not None
    where: dict[str, Any] = {"mask": mask} if masked else {"mask_words": words}
    return edit(picture, source=said, target=wish, grow=grow, method=METHOD, model=model, **where, **more)


def left_of(source: str, words: str) -> str:
    """What is left of a picture when something is removed.

    Raises:
        UsageError: nobody knows.
    """
    if not words:
        raise UsageError("Name what to remove, or say by the target prompt what is left when it is gone.")
    if not source:
        raise UsageError(
            "Say what the picture shows by the source prompt, or what is left by the target prompt: without "
            "either nobody knows what belongs there instead."
        )
    return without(source, words)


def known(image: Given, more: Mapping[str, Any]) -> tuple[Given, str]:
    """The picture, read if it can be read but once, and what it says it shows."""
    picture, place = taken_in(image, more.get("limits"))
    return place or picture, shows(picture)


@neutral()
def regions(
    image: Given,
    *,
    model: str | Model = "still-life",
    words: Sequence[str] = (),
    source: str = "",
    seed: int = 0,
    limits: Limits | None = None,
    meter: Meter | None = None,
) -> Regions:
    """What is where in a picture, as a map that can be changed by name and given to `edit`.

    Args:
        image, model, seed, limits, meter: as for `edit`.
        words: of the source prompt, at least two: every pixel then belongs to the one that looks at it most.
            Without them the segmenter beside the model reads the picture; that of Still Life has one.
        source: what the picture shows, for words.

    Raises:
        UsageError: there is neither a segmenter nor a word.
    """
    loaded = of_name(model)
    picture, _ = taken_in(image, limits)
    if not words:
        return read_regions(picture, loaded)
    said = {"strength": LOOKED, "steps": 20}
    request = {"source": source, "target": source or shows(picture), "seed": seed}
    asked = edit_request("edit", "sdedit", picture, request, said, True, limits=limits)
    made = carried_out(asked, loaded, meter, cache=False, look=False)
    return regions_by_words(made.words, words, picture.size)
