"""What somebody asked for, checked as far as that goes without a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

from overpaint import registry
from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.images import Limits, Mask, Picture, flattened
from overpaint.images.canvas import Extension, around
from overpaint.images.fitting import Placement
from overpaint.images.recipe import Choice, Command, trusted_recipe
from overpaint.method import Method
from overpaint.methods.auto import Auto
from overpaint.methods.invert import Invert
from overpaint.run.inputs import Given, checked_text, shows, taken_in
from overpaint.run.instead import content_with, looking_at, otherwise
from overpaint.run.resolve import resolve
from overpaint.run.sided import Asked, Settings, Wanted, controls_in
from overpaint.run.told import REGION, masks_of
from overpaint.run.where import Seek, Where, where_of
from overpaint.task import Request

MOST = 16
"""Targets of one edit."""
EVERYWHERE = Where()
UNLISTED: Mapping[str, type[Method]] = {kind.card.name: kind for kind in (Invert, Auto)}
Named = tuple[Picture, str | None]
"""A picture, and where it lies if it is a file."""


@dataclass(frozen=True)
class EditRequest:
    """What somebody asked for, checked as far as that goes without a model."""

    command: Command
    kind: type[Method]
    request: Request
    options: Mapping[str, Any]
    picture: Picture | None = None
    place: str | None = None
    """Where the picture lies, if it is a file."""
    watch: bool = False
    """Whether the attention of every word is recorded."""
    mask: Mask | None = None
    """Where the picture may change; everywhere if there is none."""
    further: Mapping[str, tuple[Named, ...]] = field(default_factory=dict[str, tuple[Named, ...]])
    """Further pictures by name, such as ``"examples"`` or ``"control:canny"``."""
    chosen: Mapping[str, Choice] = field(default_factory=dict[str, Choice])
    """Who chose options when a recipe was written; all of them are given now."""
    controls: tuple[Asked, ...] = ()
    """Networks that speak beside the model's own."""
    result: int | None = None
    """Which of several results is wanted, from 1, where it is one alone."""
    where: Where = EVERYWHERE
    """How it was said where the picture may change."""
    seek: Seek | None = None
    """What the model is to look for, to know where the picture may change."""
    sought: int = 0
    """Rows that this took."""
    onto: Named | None = None
    """An earlier edit of the picture, which stands where the mask does not."""

    @cached_property
    def shown(self) -> Picture | None:
        """The picture as it is edited: without its transparency, or larger, where that was asked for."""
        if self.picture is None:
            return None
        flat = self.request.alpha == "flatten"
        picture = flattened(self.picture, self.request.background) if flat else self.picture
        return Extension.said(self.request.extend).picture(picture) if self.request.extend else picture

    @property
    def ground(self) -> Picture | None:
        """What stands where the result may not change: the picture, or an earlier edit of it."""
        if self.shown is None or self.onto is None:
            return self.shown
        return replace(self.shown, rgb=self.onto[0].rgb)

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the result; nothing where there is no picture."""
        return None if self.shown is None else self.shown.size

    @cached_property
    def changed(self) -> bool:
        """Whether what is edited is not the picture that a recipe in it speaks of."""
        if self.request.context is not None or self.request.extend:
            return True
        return self.picture is not None and trusted_recipe(self.picture) is None

    @cached_property
    def regions(self) -> tuple[Mask, ...]:
        """Where the regions are that are told what to show."""
        return masks_of(self.further.get(REGION, ()), self.request, self.picture)

    @property
    def part(self) -> Placement | None:
        """The part of the picture that the model is shown, where that is the mask with its surroundings."""
        margin = self.request.context
        return None if margin is None or self.mask is None else around(self.mask.weights, margin)

    @property
    def title(self) -> str:
        """What errors about options call the method."""
        return f"the method {self.kind.card.name!r}"


def edit_request(
    command: Command,
    method: str | Method,
    image: Given | None,
    request: Mapping[str, Any],
    options: Mapping[str, Any],
    watch: bool = False,
    *,
    where: Where = EVERYWHERE,
    pictures: Mapping[str, Given | Sequence[Given]] | None = None,
    control: Settings | Sequence[Wanted] = (),
    onto: Given | None = None,
    limits: Limits | None = None,
) -> EditRequest:
    """Check what can be checked before a model is loaded.

    Raises:
        UsageError: an unknown method or option, a value out of range, a picture that cannot be read.
    """
    kind, options = told(method, options)
    name = kind.card.name
    resolve(kind, options, {}, f"the method {name!r}")
    if image is not None and Need.IMAGE not in kind.card.needs | kind.card.optional:
        instead = otherwise(kind, content_with((*kind.card.needs, Need.IMAGE)), "edits one")
        raise UsageError(f"The method {name!r} edits no picture; use it without one{instead}")
    picture, place = (None, None) if image is None else taken_in(image, limits)
    given = {
        name: checked_text(value, name) if isinstance(value, str) else value
        for name, value in request.items()
    }
    check_several(kind, given, where)
    if picture is not None and not given.get("source"):
        given["source"] = shows(picture)
    asked = resolve(Request, given, {}, "an edit")
    mask = where_of(where, picture, asked, limits)
    further = {
        checked_name(name, kind): tuple(taken_in(one, limits) for one in listed(given))
        for name, given in (pictures or {}).items()
    }
    sides = controls_in(control, picture, limits)
    made = EditRequest(command, kind, asked, options, picture, place, watch, mask, further)
    _ = made.regions  # refused early where they cannot be
    made = replace(made, controls=sides, where=where, seek=where.seek)
    return made if onto is None else replace(made, onto=laid(onto, made, limits))


def laid(onto: Given, asked: EditRequest, limits: Limits | None) -> Named:
    """An earlier edit of the picture that a new one is laid on.

    Raises:
        UsageError: it has another size, or there is no mask that says where it stays.
    """
    if asked.mask is None:
        raise UsageError("The picture to lay the edit on stands where a mask does not; give a mask too.")
    below, place = taken_in(onto, limits)
    if below.size != asked.size:
        (a, b), (height, width) = below.size, asked.size or below.size
        raise UsageError(
            f"The picture to lay the edit on has {b} x {a} pixels and the result {width} x {height}; give an "
            "earlier edit of the same picture."
        )
    return below, place


def targets_of(target: object) -> dict[str, Any]:
    """One target prompt, or several, as a request has them.

    Raises:
        UsageError: there are none or too many, one is no text or empty, or is given twice.
    """
    if isinstance(target, str):
        return {"target": target}
    several = cast(Sequence[object], target) if isinstance(target, list | tuple) else [target]
    prompts = [one for one in several if isinstance(one, str)]
    if len(prompts) < len(several):
        raise UsageError("A target is a prompt or a list of prompts, and a prompt is text.")
    if not 1 <= len(prompts) <= MOST:
        raise UsageError(f"An edit has 1 to {MOST} targets, not {len(prompts)}.")
    first, *also = prompts
    if not also:
        return {"target": first}
    plain = [" ".join(prompt.split()) for prompt in prompts]
    if not all(plain):
        raise UsageError("One of the targets is empty; give each a prompt, or leave it out.")
    twice = next((prompt for k, prompt in enumerate(plain) if prompt in plain[:k]), None)
    if twice is not None:
        raise UsageError(f"The target {twice!r} is given twice; give each once.")
    return {"target": first, "also": tuple(also)}


def check_several(kind: type[Method], given: Mapping[str, Any], where: Where) -> None:
    """Refuse what is wrong with further targets.

    Raises:
        UsageError: one is no text, or the method or what finds the mask takes one target alone.
    """
    also = cast(Sequence[str], given.get("also") or ())
    for k, prompt in enumerate(also, 2):
        checked_text(prompt, f"target {k}")
    if also and kind.card.further is None:
        taking = [one.card.name for one in registry.every() if one.card.further is not None]
        raise UsageError(
            f"The method {kind.card.name!r} takes one target at a time; edit once for each, or choose one "
            f"that takes several: {', '.join(taking)}."
        )
    if also and where.contrast:
        raise UsageError(
            "Where the prompts disagree depends on the target, and there are several; edit once for each, or "
            "name words or a mask."
        )


def told(method: object, options: Mapping[str, Any]) -> tuple[type[Method], Mapping[str, Any]]:
    """The kind of a method and its options: of one that has them itself, those that were set, no defaults.

    Raises:
        UsageError: it is no method, or has options of its own and is given some besides.
    """
    match method:
        case str():
            return kind_of(method), options
        case Method():
            if options:
                name = type(method).__name__
                raise UsageError(
                    f"The method has options of its own; say {next(iter(options))!r} there too: {name}(...)."
                )
            return type(method), {name: getattr(method, name) for name in sorted(method.model_fields_set)}
        case _:
            raise UsageError(
                f"A method is its name or a method with its options, not {type(method).__name__}."
            )


def listed(given: Given | Sequence[Given]) -> Sequence[Given]:
    """Several pictures, or one as several."""
    return given if isinstance(given, list | tuple) else [cast(Given, given)]


def checked_name(name: str, kind: type[Method]) -> str:
    """The name of further pictures, if the method looks at such.

    Raises:
        UsageError: it does not, so that they could have no effect.
    """
    wanted = kind.card.needs | kind.card.optional
    takes = {str(need) for need in (Need.EXAMPLES, Need.CONTROL) if need in wanted} | kind.card.pictures
    takes |= {REGION} if Need.REGIONS in wanted else set()
    if name.partition(":")[0] not in takes:
        looks = f"it looks at: {', '.join(sorted(takes))}" if takes else "it looks at no further pictures"
        instead = otherwise(kind, looking_at(name.partition(":")[0]), "does")
        raise UsageError(
            f"The method {kind.card.name!r} has no use for pictures called {name!r}; {looks}{instead}"
        )
    return name


def kind_of(method: str) -> type[Method]:
    """The class of a method; an inversion walked back is one for this purpose, as is the choice of a method,
    though in no list."""
    return UNLISTED.get(method) or registry.find(registry.known(method, [registry.CHOOSING]))
