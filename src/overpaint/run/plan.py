"""A request with its model: prompts and picture encoded, all errors behind it, nothing run yet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import torch

from overpaint.card import KINDS, Cost, Need
from overpaint.choosing.choices import ELSE, Type
from overpaint.errors import UsageError
from overpaint.images import Fitted, Picture, fit, fit_mask, from_tensor, paste_back
from overpaint.images.recipe import Choice
from overpaint.method import Method
from overpaint.model import Model
from overpaint.network import Pixels
from overpaint.options import ModelOwn
from overpaint.out_of_memory import roomy, ways_out
from overpaint.outcome import Layer
from overpaint.run.acting import check_acting
from overpaint.run.chosen import chosen
from overpaint.run.instead import content_with, nearest_that, of_family, otherwise
from overpaint.run.known import Look
from overpaint.run.own_noise import inversion_of, remembered
from overpaint.run.request import EditRequest
from overpaint.run.resolve import resolve
from overpaint.run.sided import Beside, beside, check_heard
from overpaint.run.suiting import LEARNING, check_put, put_into, suggested
from overpaint.run.told import REGION, canvas, framed, overlaps
from overpaint.run.unlearned import unlearned
from overpaint.sides.card import CARDS
from overpaint.task import LACKING, Task, given


@dataclass(frozen=True, eq=False)
class Job:
    """A request with its model: ready to run, all its errors behind it."""

    asked: EditRequest
    model: Model
    method: Method
    task: Task
    fitted: Fitted | None
    seconds: float
    """How long it took to encode the prompts and the picture."""
    at_once: int | None = None
    """Rows that go through the network together; nothing for all of a call."""
    chosen: Mapping[str, Choice] = field(default_factory=dict[str, Choice])
    """Who chose options that the user left open."""
    notes: tuple[str, ...] = ()
    """What should be known before the work begins, a sentence each."""
    look: bool = False
    """Whether the picture is looked at first (`overpaint.run.known`)."""
    seen: Look | None = None
    """What that look said, once it was taken."""
    look_rows: int = 0
    """The rows it took, and the search for a mask."""
    beside: Beside = field(default_factory=Beside)
    """Networks that speak into every call, and what they look at."""
    auto: bool = False
    """Whether the method was to be chosen (`overpaint.run.auto`)."""
    others: tuple["Job", ...] = ()
    """What is tried then, after this one."""
    refused: tuple[str, ...] = ()
    """What would have been tried as well and cannot be, and why, a sentence each."""
    judging: tuple[int, int] = (0, 0)
    """Rows that tell how likely what is tried came off, beside those of the edits."""
    expected: float = 0.0
    """The odds (logarithm) that it comes off by its method and type alone, where that was learned."""
    type: Type = ELSE
    """The type of edit that it was chosen for, where the method was to be chosen."""
    walks: int = 0
    """The steps on which it can be looked at on the way (`overpaint.choosing.early`), where that is known."""

    @property
    def cost(self) -> Cost:
        """The work to do, if nothing is found in a cache: of all that may be tried."""
        return sum((optional(one.cost) for one in self.others), self.alone)

    @property
    def alone(self) -> Cost:
        """The work of this one alone."""
        card, own = self.method.card, self.method.card.cost(self.method)
        if card.further is not None:
            own = sum([card.further(self.method)] * len(self.asked.request.also), own)
        most = sum(CARDS[one.file.kind].rows(own.rows[1]) for one in self.asked.controls)
        return own + Cost(sides=(0, most))

    def placed(self, pixels: Pixels) -> Picture:
        """The result at the size of the picture it came from."""
        ground, mask = self.asked.ground, self.asked.mask
        if self.fitted is None or ground is None:
            return from_tensor(pixels)
        return paste_back(pixels, self.fitted, ground, None if mask is None else mask.weights)

    def placed_layer(self, layer: Layer) -> Picture:
        """A layer at the size of the picture, with its own transparency; the mask has no say in it."""
        bare = replace(self, asked=replace(self.asked, mask=None, onto=None))
        colours = bare.placed(layer[:, :3])
        opacity = bare.placed(layer[:, 3:].expand(-1, 3, -1, -1) * 2 - 1)
        return replace(colours, alpha=opacity.rgb.max(-1))


def optional(cost: Cost) -> Cost:
    """The cost of what may be left out."""
    return replace(cost, **{kind: (0, getattr(cost, kind)[1]) for kind in KINDS})


def grain(model: Model) -> int:
    """What the sides of a picture must be a multiple of, in pixels, for the maps of all layers to fit."""
    return model.family.factor * max((site.stride for site in model.tap.sites), default=1)


def plan(asked: EditRequest, model: Model) -> Job:
    """Fit the picture, encode prompts and picture, and let the method refuse what cannot work.

    Raises:
        UsageError: the method does not work on this model, lacks something, or refuses what was asked.
        OutOfMemory: the prompts or the picture do not fit.
    """
    where = f"Memory of the device {model.device} ran out while prompts and picture were encoded"
    with roomy(where, ways_out(model.device, model.dtype, model.offload)):
        return planned(asked, model)


def planned(asked: EditRequest, model: Model) -> Job:
    """The plan itself; memory may run out."""
    began, card, family = perf_counter(), asked.kind.card, model.family
    if family.name not in card.families:
        raise UsageError(f"The method {card.name!r} {mismatch(family.name, asked.kind)}")
    preset = presets(asked, model)
    method = filled(asked, preset)
    check_put(asked, method)
    check_acting(method, {name: v for name, v in asked.options.items() if name not in asked.chosen})
    shown = asked.shown
    fitted = None if shown is None else fit(shown, family.side, grain(model), asked.request.fit, asked.part)
    pixels = None if fitted is None else fitted.tensor
    frame = fitted or canvas(asked.regions, family.side, grain(model))
    size = (family.side, family.side) if frame is None else (frame.tensor.shape[-2], frame.tensor.shape[-1])
    mask = None if fitted is None or asked.mask is None else fit_mask(asked.mask.weights, fitted)
    further = {
        name: [fit(one, size, grain(model), asked.request.fit).tensor for one, _ in several]
        for name, several in asked.further.items()
        if name != REGION
    }
    regions = [] if frame is None else framed(asked.regions, asked.request.regions, frame)
    with model.lock, torch.no_grad():
        speaking = beside(asked.controls, model, asked.request, shown, fitted, size)
        placed = [not CARDS[one.file.kind].free for one in asked.controls]
        both = enumerate(zip(speaking.conditions, placed, strict=True), 1)
        seen = {f"control:{k}": [one * 2 - 1] for k, (one, here) in both if here}
        every = {**further, **seen}
        brought = pixels is not None, mask is not None
        there = given(asked.request, *brought, every, bool(regions))
        check_needs(asked, family.name, there)
        said = asked.request, card.needs, pixels, size
        more: dict[str, Any] = {"optional": card.optional, "mask": mask, "pictures": every}
        task = Task.of(model, *said, **more, regions=regions)
        method.check(model, task)
        check_steps(method, model)
        check_heard(asked.controls, steps_of(method))
    who: dict[str, Choice] = {**asked.chosen, **chosen(preset, asked.options)}
    told = (*unlearned(model, prompts(asked, task)), *overlaps(asked.regions))
    return Job(
        *(asked, model, method, task, fitted, perf_counter() - began),
        chosen=who,
        notes=told,
        beside=speaking,
        look_rows=asked.sought,
    )


def presets(asked: EditRequest, model: Model) -> Mapping[Choice, Mapping[str, Any]]:
    """What fills the options that the user left open, by who says so; of two the later one wins."""
    return {
        "family": asked.kind.card.families.get(model.family.name, {}),
        "model": suited(asked.kind, model),
        "prompts": {**put_into(asked), **suggested(asked, model)},
        "picture": remembered(asked, model),
    }


def filled(asked: EditRequest, preset: Mapping[Choice, Mapping[str, Any]]) -> Method:
    """The method with the options that the user set, and with these where they were left open."""
    every = {name: value for one in preset.values() for name, value in one.items()}
    return resolve(asked.kind, asked.options, every, asked.title)


def price(asked: EditRequest, model: Model) -> Cost:
    """What the edit itself takes by its card, told without a look at picture and prompts."""
    method = filled(asked, presets(asked, model))
    return method.card.cost(method)


def check_needs(asked: EditRequest, family: str, there: Collection[Need]) -> None:
    """Refuse a request that lacks what its method needs, naming a method that lives with what there is.

    Raises:
        UsageError: it does.
    """
    lacking = next((need for need in Need if need in asked.kind.card.needs and need not in there), None)
    if lacking is not None:
        found = nearest_that(asked.kind, content_with(there, family))
        instead = "" if found is None else f", or choose {found!r}, which does without"
        raise UsageError(f"{LACKING[lacking].removesuffix('.')}{instead}.")


def mismatch(family: str, kind: type[Method]) -> str:
    """The end of a sentence about a method and a model that do not go together."""
    works_on = kind.card.families
    if family.endswith("-inpaint"):
        return (
            "gives no mask to an inpainting network, and this model's is one; take the method 'inpaint', or "
            "the ordinary model."
        )
    if family.endswith("-spatext"):
        return (
            "tells no regions to a network that is told them, as this model's is; take the method 'spatext'."
        )
    if all(name.endswith("-spatext") for name in works_on):
        return "needs a network that is told regions, and this model's is none; still-life-spatext is one."
    if all(name.endswith("-inpaint") for name in works_on):
        return "needs an inpainting network, which reads 9 channels, and this model's is none; take another."
    instead = otherwise(kind, of_family(family, kind.card.needs), f"works on {family}")
    return f"does not work on {family} models; it works on: {', '.join(works_on)}{instead}"


def check_steps(method: Method, model: Model) -> None:
    """Refuse options with which nothing is done: the picture would be written as if it had been edited.

    Raises:
        UsageError: no step is walked, or the inversion cannot be used so.
    """
    steps, inversion = getattr(method, "steps", None), inversion_of(method)
    cost = method.card.cost(method)
    idle = not any(getattr(cost, kind)[1] for kind in KINDS)
    skipped = isinstance(steps, int) and inversion is not None and not inversion.walked(steps)
    if steps is not None and (idle or skipped):
        raise UsageError(
            f"With these options the method {method.card.name!r} walks none of its {steps} steps, so nothing "
            "would change; skip fewer of them, or give more steps."
        )
    if isinstance(steps, int) and inversion is not None:
        inversion.check(model, steps)


def steps_of(method: Method) -> tuple[int, int] | None:
    """The steps of a method's path, and how many are walked; nothing of one that has none, or learns too."""
    steps, inversion = getattr(method, "steps", None), inversion_of(method)
    if not isinstance(steps, int) or LEARNING in type(method).model_fields:
        return None
    own = inversion.walked(steps) if inversion is not None else steps
    return steps, next((int(getattr(method, n)) for n in ("walked", "kept") if hasattr(method, n)), own)


def prompts(asked: EditRequest, task: Task) -> dict[str, str]:
    """Every prompt of a request by what it is."""
    source, target = asked.request.source, asked.request.target
    further = {f"prompt {text!r}": text for text in task.texts if text not in (source, target)}
    further |= {f"words of region {k}": words for k, words in enumerate(asked.request.regions, 1) if words}
    also = {f"target prompt {k}": text for k, text in enumerate(asked.request.also, 2)}
    if asked.command == "generate":
        return {"prompt": target, **further}
    return {"source prompt": source, "target prompt": target, **also, **further}


def suited(kind: type[Method], model: Model) -> dict[str, Any]:
    """What the model suggests for the options that are marked as its own, where that is not the usual."""
    return {
        name: getattr(model, mark.attribute)
        for name, field in kind.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, ModelOwn) and getattr(model, mark.attribute) != mark.usual
    }
