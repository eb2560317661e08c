"""The wish behind a recipe, with every picture it began with at hand."""

from dataclasses import replace

from overpaint.images import Limits
from overpaint.images.recipe import Recipe
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.where import Where
from overpaint.sides.options import Control

OWN = ("source", "mask", "onto")
"""Pictures of a recipe that are no further ones of a method."""


def recalled(told: Recipe, maps: bool = False, limits: Limits | None = None) -> EditRequest:
    """The wish behind a recipe, its source picture and its mask at hand.

    Raises:
        UsageError: the source picture has gone or changed, or this overpaint has no such method or option.
    """
    own = {name: told.picture(name) for name in OWN}
    image, mask, onto = (None if one is None else one.open(limits=limits) for one in own.values())
    further = {
        name: [one.open(limits=limits) for one in several]
        for name, several in told.pictures.items()
        if name not in OWN and not (told.controls and name.startswith("control:"))
    }
    beside = [
        (Control.model_validate(one.options), told.picture(f"control:{k}"))
        for k, one in enumerate(told.controls, 1)
    ]
    asked = edit_request(
        *(told.command, told.method, image, told.request, told.options, maps or told.watched),
        where=Where(mask),
        pictures=further,
        control=[how if seen is None else (how, seen.open(limits=limits)) for how, seen in beside],
        onto=onto,
    )
    sides = tuple(
        replace(
            one, how=how, picture=None if seen is None or one.picture is None else (one.picture[0], seen.path)
        )
        for one, (how, seen) in zip(asked.controls, beside, strict=True)
    )
    return replace(placed(asked, told), controls=sides, chosen=told.chosen, result=told.result)


def placed(asked: EditRequest, told: Recipe) -> EditRequest:
    """The same with the places where a recipe says that its pictures lie."""
    places = {name: None if (one := told.picture(name)) is None else one.path for name in OWN}
    further = {
        name: tuple(
            (picture, record.path) for (picture, _), record in zip(several, told.pictures[name], strict=True)
        )
        for name, several in asked.further.items()
    }
    mask = None if asked.mask is None else replace(asked.mask, place=places["mask"])
    onto = None if asked.onto is None else (asked.onto[0], places["onto"])
    return replace(asked, place=places["source"], mask=mask, onto=onto, further=further)
