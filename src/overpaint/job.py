"""One piece of work: everything checked before the first network call, then run under one roof."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any, cast

import torch
from jaxtyping import Float
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint import registry
from overpaint.attention import Moment
from overpaint.card import Cost, Need
from overpaint.controls.keep import Keep, near_side, word_maps
from overpaint.errors import UsageError
from overpaint.families.load import SHIPPED
from overpaint.images import (
    Fitted,
    Limits,
    Mask,
    Picture,
    fit,
    flattened,
    from_tensor,
    paste_back,
    pixels_hash,
    spread,
)
from overpaint.intake import Given, checked_text, mask_in, recipe_of, shows, taken_in
from overpaint.inversions import Quality, Recorded, reconstruction
from overpaint.meter import Cancelled, Meter
from overpaint.method import Method
from overpaint.methods.invert import Invert
from overpaint.model import Model, Pixels
from overpaint.options import USUAL_GUIDANCE
from overpaint.recipe import Command, Environment, ModelRecord, Recipe, SourceRecord, trusted_recipe
from overpaint.result import Edit, Figures
from overpaint.settings import settings_of
from overpaint.settling import nested, settle
from overpaint.shortage import roomy, ways_out
from overpaint.task import Request, Task

TARGET = "tgt+"
RECORDED = "recorded"
LOSSY = {"JPEG": "a JPEG is not exact", "WebP": "a WebP below quality 100 is not exact"}
"""Why the pixels of a picture may differ though nobody touched them, by format."""
LOG = logging.getLogger("overpaint")


@dataclass(frozen=True)
class Wish:
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

    @cached_property
    def shown(self) -> Picture | None:
        """The picture as it is edited: without its transparency where that was asked for."""
        if self.picture is None or self.request.alpha == "keep":
            return self.picture
        return flattened(self.picture, self.request.background)

    @cached_property
    def changed(self) -> bool:
        """Whether the picture's pixels are not those that a recipe in it speaks of."""
        return self.picture is not None and trusted_recipe(self.picture) is None

    @property
    def title(self) -> str:
        """What errors about options call the method."""
        return f"the method {self.kind.card.name!r}"


def wish(
    command: Command,
    method: str,
    image: Given | None,
    request: Mapping[str, Any],
    options: Mapping[str, Any],
    watch: bool = False,
    *,
    mask: Given | None = None,
    limits: Limits | None = None,
) -> Wish:
    """Check what can be checked before a model is loaded.

    Raises:
        UsageError: an unknown method or option, a value out of range, a picture that cannot be read.
    """
    kind = kind_of(method)
    settle(kind, options, {}, f"the method {method!r}")
    if image is not None and Need.IMAGE not in kind.card.needs | kind.card.optional:
        raise UsageError(f"The method {method!r} edits no picture; choose another, or use it without one.")
    picture, place = (None, None) if image is None else taken_in(image, limits)
    given = {
        name: checked_text(value, name) if isinstance(value, str) else value
        for name, value in request.items()
    }
    if picture is not None and not given.get("source"):
        given["source"] = shows(picture)
    asked = settle(Request, given, {}, "an edit")
    if mask is not None and picture is None:
        raise UsageError("A mask says where a picture may change; give the picture too.")
    where = None if mask is None or picture is None else mask_in(mask, picture, asked.feather, limits)
    return Wish(command, kind, asked, options, picture, place, watch, where)


def kind_of(method: str) -> type[Method]:
    """The class of a method; an inversion walked back is one for this purpose, though in no list."""
    return Invert if method == Invert.card.name else registry.find(method)


@dataclass(frozen=True, eq=False)
class Job:
    """A wish with its model: ready to run, all its errors behind it."""

    wish: Wish
    model: Model
    method: Method
    task: Task
    fitted: Fitted | None
    seconds: float
    """How long it took to encode the prompts and the picture."""
    at_once: int | None = None
    """Rows that go through the network together; nothing for all of a call."""

    @property
    def cost(self) -> Cost:
        """The work to do, if nothing is found in a cache."""
        return self.method.card.cost(self.method)

    def placed(self, pixels: Pixels) -> Picture:
        """The result at the size of the picture it came from."""
        shown, mask = self.wish.shown, self.wish.mask
        if self.fitted is None or shown is None:
            return from_tensor(pixels)
        return paste_back(pixels, self.fitted, shown, None if mask is None else mask.weights)


def grain(model: Model) -> int:
    """What the sides of a picture must be a multiple of, in pixels, for the maps of all layers to fit."""
    return model.family.factor * max((site.stride for site in model.tap.sites), default=1)


def plan(wish: Wish, model: Model) -> Job:
    """Fit the picture, encode prompts and picture, and let the method refuse what cannot work.

    Raises:
        UsageError: the method does not work on this model, lacks something, or refuses what was asked.
        OutOfMemory: the prompts or the picture do not fit.
    """
    where = f"Memory of the device {model.device} ran out while prompts and picture were encoded"
    with roomy(where, ways_out(model.device, model.dtype, model.offload)):
        return planned(wish, model)


def planned(wish: Wish, model: Model) -> Job:
    """The plan itself; memory may run out."""
    began, card, family = perf_counter(), wish.kind.card, model.family
    if family.name not in card.families:
        raise UsageError(
            f"The method {card.name!r} does not work on {family.name} models; it works on: "
            f"{', '.join(card.families)}."
        )
    preset = {**card.families[family.name], **suited(wish.kind, model), **remembered(wish, model)}
    method = settle(wish.kind, wish.options, preset, wish.title)
    shown = wish.shown
    fitted = None if shown is None else fit(shown, family.side, grain(model), wish.request.fit)
    pixels = None if fitted is None else fitted.tensor
    size = (family.side, family.side) if pixels is None else (pixels.shape[-2], pixels.shape[-1])
    with model.lock, torch.no_grad():
        task = Task.of(model, wish.request, card.needs, pixels, size)
        method.check(model, task)
    return Job(wish, model, method, task, fitted, perf_counter() - began)


def suited(kind: type[Method], model: Model) -> dict[str, Any]:
    """The model's own scale of guidance, for a method whose default is the usual one."""
    scale = kind.model_fields.get("guidance")
    own = scale is not None and scale.default == USUAL_GUIDANCE != model.guidance
    return {"guidance": model.guidance} if own else {}


def remembered(wish: Wish, model: Model) -> dict[str, Any]:
    """For a picture this model generated: the walk that made it, in place of an inversion.

    Only while the pixels are those that were written.

    Raises:
        UsageError: that walk was asked for by name, and neither the picture nor the user says which it was.
    """
    own = own_walk(wish, model)
    if own is not None:
        walk = own.model_dump(include={"steps", "guidance"})
        return {**walk, "inversion": own.model_dump(exclude={"pinned"})}
    said = asked_for(wish)
    if said.get("name") == RECORDED and "seed" not in said:
        raise UsageError(
            f"The inversion {RECORDED!r} starts from the noise a picture was generated from, but this one is "
            "not known to be what this model generated from the source prompt, unchanged since; choose "
            "another inversion, or give the seed as the option 'inversion.seed'."
        )
    return {}


def asked_for(wish: Wish) -> dict[str, Any]:
    """The inversion the user named, with the fields he gave it; empty where he left it open."""
    said = nested(wish.options, settings_of(wish.kind.model_json_schema())).get("inversion")
    return cast(dict[str, Any], said) if isinstance(said, dict) else {}


def generated(wish: Wish, model: Model) -> Recorded | None:
    """The walk by which this model generated the picture, if an edit could go on from its noise.

    Only where nobody asked for another inversion or other steps, and the source prompt is the one it was made
    with. Who asks for the recorded walk by name gets it for an inversion that is walked back as well.
    """
    told = None if wish.picture is None else recipe_of(wish.picture)
    named = asked_for(wish).get("name")
    if told is None or told.command != "generate" or named not in (None, RECORDED):
        return None
    inversion = settings_of(wish.kind.model_json_schema()).get("inversion")
    open_to = inversion is not None and RECORDED in inversion.parts
    if not open_to or (named is None and wish.command != "edit"):
        return None
    same = told.model.hash == model.fingerprint and told.request.get("target") == wish.request.source
    own = walk_of(told) if same else None
    if own is None or named == RECORDED:
        return own
    return own if str(wish.options.get("steps", own.steps)) == str(own.steps) else None


def walk_of(told: Recipe) -> Recorded | None:
    """The walk in the recipe of a generated picture; nothing where another program left a part of it out."""
    said = {"seed": told.request.get("seed"), "guidance": told.options.get("guidance")}
    steps = told.options.get("steps")
    try:
        return None if steps is None else Recorded.model_validate({**said, "steps": steps})
    except ValidationError:
        return None


def own_walk(wish: Wish, model: Model) -> Recorded | None:
    """The walk by which this model generated the picture, if the pixels are still those that it gave."""
    return None if wish.changed else generated(wish, model)


def notes(wish: Wish, model: Model) -> tuple[str, ...]:
    """What should be known of the picture before it is edited, a sentence each."""
    if wish.picture is None:
        return ()
    said = wish.picture.info.notes
    if asked_for(wish) or generated(wish, model) is None or not wish.changed:
        return said
    why = LOSSY.get(wish.picture.info.format, "it was changed since")
    return (
        *said,
        f"The pixels are not those that were generated ({why}), so the picture is inverted; save a PNG, or a "
        "WebP of quality 100, to go on from its own noise.",
    )


@dataclass(eq=False)
class Watch(Keep):
    """Records where the words of the result look, before any control of the method changes it."""

    reads: frozenset[str] = field(default=frozenset({TARGET}))

    def when(self, at: Moment) -> bool:
        """During the walk to the result: an inversion has no such row."""
        return TARGET in at.rows


def run(job: Job, meter: Meter) -> Edit:
    """Do the work. The model is held for the whole of it and left as it was, also when the meter cancels.

    Raises:
        Cancelled: the meter was told to stop; nothing remains.
    """
    model, began, before = job.model, perf_counter(), counts(meter)
    watch = Watch(near_side(model.tap.sites, *job.task.shape[-2:]))
    with ExitStack() as stack:
        stack.enter_context(model.lock)
        stack.enter_context(torch.no_grad())
        stack.enter_context(model.metered(meter))
        stack.enter_context(model.sparing(job.at_once or model.at_once))
        if job.wish.watch:
            stack.enter_context(model.control(watch))
        latent = job.method(model, job.task)
        pixels = model.family.decode(latent)
    if meter.cancelled:
        raise Cancelled("The edit was cancelled; nothing was written.")
    picture = job.placed(pixels)
    work = {name: value - before[name] for name, value in counts(meter).items()}
    quality = understood(job, meter)
    poor = (quality.words,) if quality is not None and quality.grade == "poor" else ()
    noted = notes(job.wish, model)
    for words in (*noted, *poor):
        LOG.warning(words)
    return Edit(
        picture=picture,
        latent=latent,
        recipe=recipe(job, picture),
        figures=Figures(
            **work,
            seconds=job.seconds + perf_counter() - began,
            strayed=quality and quality.rms,
            quality=quality and quality.grade,
            reconstruction=quality and quality.words,
        ),
        source=job.wish.picture,
        warnings=(*noted, *poor),
        trace=dict(meter.notes),
        maps=dict(meter.maps),
        words=attention(job, watch),
    )


def understood(job: Job, meter: Meter) -> Quality | None:
    """How well the inversion reconstructs the picture, where the method has one."""
    used: dict[str, Any] = job.method.model_dump().get("inversion") or {}
    own = own_walk(job.wish, job.model)
    same = own is not None and used == {**own.model_dump(), "pinned": used.get("pinned")}
    return reconstruction(meter, used.get("name", ""), same)


def counts(meter: Meter) -> dict[str, int]:
    """What the meter has counted so far."""
    return {"rows": meter.rows, "calls": meter.calls, "backwards": meter.backwards, "updates": meter.updates}


def attention(job: Job, watch: Watch) -> tuple[tuple[str, Float[Tensor, "height width"]], ...]:
    """The recorded attention of every word, over the part of the frame that the picture fills."""
    if not watch.counts:
        return ()
    maps = word_maps(watch, job.task.target.prompt, TARGET)
    return tuple((word, over_picture(job, one)) for word, one in maps.items())


def over_picture(job: Job, grid: Float[Tensor, "rows columns"]) -> Float[Tensor, "height width"]:
    """A map of the frame in pixels, without the frame's padding."""
    height, width = (n * job.model.family.factor for n in job.task.shape[-2:])
    smooth = interpolate(grid[None, None].float(), (height, width), mode="bilinear")[0, 0]
    if job.fitted is None or job.wish.picture is None:
        return smooth
    return spread(smooth[job.fitted.placement.window], job.fitted, job.wish.picture.size)


def recipe(job: Job, picture: Picture) -> Recipe:
    """Everything that is needed to make the picture again."""
    model, wish = job.model, job.wish
    return Recipe(
        command=wish.command,
        method=job.method.card.name,
        options=job.method.model_dump(mode="json"),
        request=wish.request.model_dump(mode="json"),
        model=ModelRecord(
            name=address(model), hash=model.fingerprint, family=model.family.name, origin=model.origin
        ),
        environment=Environment.now(
            model.device.type,
            str(model.dtype).removeprefix("torch."),
            job.at_once or model.at_once,
            model.offload,
        ),
        source=None if wish.picture is None else SourceRecord.of(wish.picture, wish.place),
        mask=None if wish.mask is None else SourceRecord.of(wish.mask.picture, wish.mask.place),
        watched=wish.watch,
        output=pixels_hash(picture),
    )


def address(model: Model) -> str:
    """What to load the model by again: its name if it is shipped or made by a program, else its folder."""
    if model.home is None or model.home == SHIPPED.get(model.name):
        return model.name
    return str(model.home.absolute())
