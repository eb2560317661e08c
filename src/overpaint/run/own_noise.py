"""Pictures that this model generated itself: an edit goes on from their own noise, and inverts nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from overpaint.errors import UsageError
from overpaint.images.recipe import Recipe
from overpaint.inversions import Inversion
from overpaint.inversions.choice import KINDS
from overpaint.method import Method
from overpaint.model import Model
from overpaint.run.inputs import recipe_of
from overpaint.run.markup import stressed
from overpaint.run.request import EditRequest
from overpaint.run.resolve import nested
from overpaint.run.settings import settings_of

LOSSY = {"JPEG": "a JPEG is not exact", "WebP": "a WebP below quality 100 is not exact"}
"""Why the pixels of a picture may differ though nobody touched them, by format."""


@dataclass(frozen=True)
class OwnWalk:
    """The walk that made a picture: an inversion that starts from its noise, and options it belongs to."""

    field: str
    """The method's option that takes an inversion."""
    inversion: Inversion
    options: dict[str, Any]

    @property
    def preset(self) -> dict[str, Any]:
        """As options of an edit; what the recipe does not say is left to the user."""
        said = self.inversion.model_dump(exclude_unset=True)
        return {**self.options, self.field: {"name": self.inversion.called, **said}}


def remembered(asked: EditRequest, model: Model) -> dict[str, Any]:
    """For a picture this model generated: the walk that made it, in place of an inversion.

    Only while the pixels are those that were written.

    Raises:
        UsageError: that walk was asked for by name, and neither the picture nor the user says which it was.
    """
    own = own_walk(asked, model)
    if own is not None:
        return own.preset
    said = asked_for(asked)
    kind = KINDS.get(str(said.get("name")))
    missing = None if kind is None else kind.groundless(said)
    if missing is not None:
        raise UsageError(missing)
    return {}


def inversion_field(kind: type[Method]) -> str | None:
    """The option of a method that takes an inversion, if it has one."""
    fields = kind.model_fields.items()
    return next((name for name, field in fields if isinstance(field.default, Inversion)), None)


def inversion_of(method: Method) -> Inversion | None:
    """The inversion that a method walks with, if it has one."""
    field = inversion_field(type(method))
    return None if field is None else getattr(method, field)


def asked_for(asked: EditRequest) -> dict[str, Any]:
    """The inversion the user named, with the fields given to it; empty where it was left open."""
    said = nested(asked.options, settings_of(asked.kind.model_json_schema()))
    chosen = said.get(inversion_field(asked.kind) or "")
    return cast(dict[str, Any], chosen) if isinstance(chosen, dict) else {}


def generated(asked: EditRequest, model: Model) -> OwnWalk | None:
    """The walk by which this model generated the picture, if an edit could go on from its noise.

    Only where nobody asked for another inversion or other steps, and the source prompt is the one it was made
    with. Who asks for such a walk by name gets it for an inversion that is walked back as well.
    """
    told, own = recorded_walk(asked)
    if told is None or own is None or hindrance(asked, model, told) is not None:
        return None
    return own


def recorded_walk(asked: EditRequest) -> tuple[Recipe | None, OwnWalk | None]:
    """The recipe of a picture that was generated, and its walk, where this edit has a use for such a one."""
    told = None if asked.picture is None else recipe_of(asked.picture)
    field, named = inversion_field(asked.kind), asked_for(asked).get("name")
    if told is None or (told.command, told.method) != ("generate", "generate") or field is None:
        return None, None
    if told.controls or asked.controls:  # with others speaking, the way back is another
        return None, None
    if named is None and asked.command != "edit":
        return None, None
    open_to = settings_of(asked.kind.model_json_schema())[field].parts
    found = (KINDS[name].of_recipe(told) for name in open_to if name in KINDS and named in (None, name))
    own = next((inversion for inversion in found if inversion is not None), None)
    walk = {name: told.options[name] for name in ("steps", "guidance") if name in told.options}
    return told, None if own is None else OwnWalk(field, own, walk)


def hindrance(asked: EditRequest, model: Model, told: Recipe) -> tuple[str, str] | None:
    """Why an edit does not go on from the noise in a recipe, and what would; nothing if it can."""
    if told.model.hash != model.fingerprint:
        return f"another model, {told.model.name}, generated it", "edit it with that one"
    if told.request.get("target") != asked.request.source:
        return "the source prompt is not the one it was generated from", "leave it out"
    steps, own = asked.options.get("steps"), told.options.get("steps")
    if steps is None or asked_for(asked).get("name") is not None or float(steps) == own:
        return None
    return f"it was generated in {own} steps, not {float(steps):g}", "leave the steps out"


def own_walk(asked: EditRequest, model: Model) -> OwnWalk | None:
    """The walk by which this model generated the picture, if the pixels are still those that it gave."""
    return None if asked.changed else generated(asked, model)


def goes_on(asked: EditRequest, model: Model, method: Method) -> bool:
    """Whether a method walks on from the picture's own noise, exactly as it was generated."""
    own, used = own_walk(asked, model), inversion_of(method)
    if own is None or used is None or type(used) is not type(own.inversion):
        return False
    return used == used.changed(**own.preset[own.field])


def notes(asked: EditRequest, model: Model) -> tuple[str, ...]:
    """What should be known of the picture before it is edited, a sentence each."""
    own = asked.request
    prompts = (("source", own.source), *(("target", one) for one in (own.target, *own.also)))
    signs = tuple(sentence for what, prompt in prompts for sentence in stressed(prompt, what))
    if asked.picture is None:
        return signs
    said = (*signs, *asked.picture.info.notes, *(() if asked.mask is None else asked.mask.notes))
    return said if asked_for(asked) else (*said, *dropped(asked, model))


def dropped(asked: EditRequest, model: Model) -> Iterator[str]:
    """Why a picture that was generated is inverted, where nobody asked for that."""
    told, own = recorded_walk(asked)
    if asked.picture is None or told is None or own is None:
        return
    if (found := hindrance(asked, model, told)) is not None:
        why, remedy = found
        yield f"The picture is inverted, as {why}; {remedy} to go on from its own noise."
    elif asked.changed:
        why = LOSSY.get(asked.picture.info.format, "it was changed since")
        yield (
            f"The pixels are not those that were generated ({why}), so the picture is inverted; save a PNG, "
            "or a WebP of quality 100, to go on from its own noise."
        )
