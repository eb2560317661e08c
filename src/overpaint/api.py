"""What a program calls: edit, generate, invert, rerun, cite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

import torch

from overpaint.errors import UsageError
from overpaint.images import Limits
from overpaint.images.recipe import Recipe, read_recipe
from overpaint.meter import Meter
from overpaint.methods.invert import Invert
from overpaint.model import Model
from overpaint.network import Pixels
from overpaint.neutral import neutral
from overpaint.run.citing import bibtex
from overpaint.run.inputs import Given
from overpaint.run.kept import KEPT
from overpaint.run.loading import threads
from overpaint.run.memory import run_patiently, within
from overpaint.run.plan import Job, plan
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.result import Edit
from overpaint.run.sided import Settings, Wanted
from overpaint.sides.options import Control


@neutral()
def edit(
    image: Given,
    *,
    source: str = "",
    target: str = "",
    method: str = "p2p",
    model: str | Model = "still-life",
    seed: int = 0,
    mask: Given | None = None,
    pictures: Mapping[str, Given | Sequence[Given]] | None = None,
    control: Settings | Sequence[Wanted] = (),
    feather: int = 0,
    fit: str = "pad",
    alpha: str = "keep",
    background: str = "white",
    limits: Limits | None = None,
    memory: str | int | None = None,
    meter: Meter | None = None,
    maps: bool = False,
    **options: Any,
) -> Edit:
    """Edit a picture with a published method.

    Args:
        image: a file, an image of Pillow, an array or a `Picture`, of any size: it is fitted to the model
            without distortion, and the result has its size.
        source: what the picture shows now; may be left out where the picture says so itself.
        target: what it should show.
        method: a name from ``overpaint methods``.
        model: a loaded model, a shipped one's name, or a diffusers folder; one that is named is loaded once
            and kept for later calls (`overpaint.unload`).
        seed: of every random draw; the global random state is neither used nor moved.
        mask: a picture of the same size, white where the result may differ; outside it every pixel stays.
        pictures: further ones that the method looks at, by name: ``{"examples": [...]}``.
        control: side networks that speak into every call: a `Control`, the same as text
            (``"canny.safetensors=auto:0.8"``), or a pair of either with a picture.
        feather: pixels inside the mask's border over which the edit fades.
        fit: ``"pad"`` shows the model the whole picture, ``"crop"`` the largest piece of the model's shape in
            the middle; the rest stays as it is.
        alpha: ``"keep"`` gives the picture its transparency back, ``"flatten"`` lays it on ``background``.
        background: a colour's name or ``#rrggbb``.
        limits: the largest file and picture that are read.
        memory: what it may take (``"4GB"``, or bytes): rows then go through the network in smaller groups.
        meter: counts, reports progress and cancels; a fresh one each time.
        maps: record where every word of ``target`` looks (`Edit.words`).
        options: the method's; an option of a component is written ``{"inversion.inner": 5}``.

    Raises:
        UsageError: anything about the request is wrong; raised before the first network call.
    """
    request = {"source": source, "target": target, "seed": seed, "feather": feather}
    request |= {"fit": fit, "alpha": alpha, "background": background}
    asked = edit_request(
        "edit",
        method,
        image,
        request,
        options,
        maps,
        mask=mask,
        pictures=pictures,
        control=control,
        limits=limits,
    )
    return carried_out(asked, model, meter, memory)


@neutral()
def generate(
    prompt: str,
    *,
    model: str | Model = "still-life",
    seed: int = 0,
    control: Settings | Sequence[Wanted] = (),
    memory: str | int | None = None,
    meter: Meter | None = None,
    maps: bool = False,
    **options: Any,
) -> Edit:
    """A picture from a prompt; its recipe lets later edits start from the exact noise instead of inverting.

    Side networks (``control``, as in `edit`) look at what is given; there is no picture to make it from.

    Raises:
        UsageError: an empty or overlong prompt, or an option that is wrong.
    """
    request = {"target": prompt, "seed": seed}
    return carried_out(
        edit_request("generate", "generate", None, request, options, maps, control=control),
        model,
        meter,
        memory,
    )


@neutral()
def invert(
    image: Given,
    *,
    source: str = "",
    model: str | Model = "still-life",
    seed: int = 0,
    fit: str = "pad",
    limits: Limits | None = None,
    memory: str | int | None = None,
    meter: Meter | None = None,
    **options: Any,
) -> Edit:
    """Turn a picture into noise and walk it back: ``figures.psnr`` says how well that goes.

    The inversion stays in the model's cache, so that edits with the same prompt and options start at once.

    Raises:
        UsageError: the picture cannot be read, or an option is wrong.
    """
    request = {"source": source, "seed": seed, "fit": fit}
    return carried_out(
        edit_request("invert", "invert", image, request, options, limits=limits), model, meter, memory
    )


@neutral()
def rerun(
    recipe: str | FilePath | Recipe,
    *,
    model: str | Model | None = None,
    meter: Meter | None = None,
    maps: bool = False,
    limits: Limits | None = None,
) -> Edit:
    """Make a picture again from its recipe: bit for bit on the same machine with the same versions.

    Where versions, model or result differ from what was recorded, the edit's warnings say so.

    Raises:
        UsageError: the file carries no recipe, or its source picture has gone or changed.
    """
    told = recipe if isinstance(recipe, Recipe) else read_recipe(recipe, limits=limits)
    asked, where = recalled(told, maps, limits), told.environment
    with threads(where.threads):
        loaded = (
            KEPT.get(told.model.name, where.dtype, where.device, told.model.origin, where.offload)
            if model is None
            else of_name(model)
        )
        with loaded.lock, loaded.sparing(where.at_once or loaded.at_once):
            edit = carried_out(asked, loaded, meter)
    return replace(edit, warnings=(*edit.warnings, *differences(told, edit.recipe)))


def cite(recipe: str | FilePath | Recipe, *, limits: Limits | None = None) -> str:
    """BibTeX of everything a picture was made with: the method, its inversion, the kind of model.

    Raises:
        UsageError: the file carries no recipe.
    """
    return bibtex(recipe if isinstance(recipe, Recipe) else read_recipe(recipe, limits=limits))


def recalled(told: Recipe, maps: bool = False, limits: Limits | None = None) -> EditRequest:
    """The wish behind a recipe, its source picture and its mask at hand.

    Raises:
        UsageError: the source picture has gone or changed, or this overpaint has no such method or option.
    """
    image, mask = (None if one is None else one.open(limits=limits) for one in (told.source, told.mask))
    further = {
        name: [one.open(limits=limits) for one in several]
        for name, several in told.pictures.items()
        if name not in ("source", "mask") and not (told.controls and name.startswith("control:"))
    }
    beside = [
        (Control.model_validate(one.options), told.picture(f"control:{k}"))
        for k, one in enumerate(told.controls, 1)
    ]
    control = [how if seen is None else (how, seen.open(limits=limits)) for how, seen in beside]
    watch = maps or told.watched
    asked = edit_request(
        told.command,
        told.method,
        image,
        told.request,
        told.options,
        watch,
        mask=mask,
        pictures=further,
        control=control,
    )
    sides = tuple(
        replace(
            one, how=how, picture=None if seen is None or one.picture is None else (one.picture[0], seen.path)
        )
        for one, (how, seen) in zip(asked.controls, beside, strict=True)
    )
    where = None if asked.mask is None or told.mask is None else replace(asked.mask, place=told.mask.path)
    places = {
        name: tuple(
            (picture, record.path) for (picture, _), record in zip(several, told.pictures[name], strict=True)
        )
        for name, several in asked.further.items()
    }
    source = None if told.source is None else told.source.path
    return replace(asked, place=source, mask=where, further=places, controls=sides)


def carried_out(
    asked: EditRequest, model: str | Model, meter: Meter | None, memory: str | int | None = None
) -> Edit:
    """Plan and run, the model held from the first look to the last."""
    loaded = of_name(model)
    with loaded.lock:
        job = plan(asked, loaded)
        return finished(job if memory is None else within(job, memory), meter or Meter())


def of_name(model: object) -> Model:
    """The model itself; if it was named, the kept one of that name (`overpaint.unload`), loaded once.

    Raises:
        UsageError: it is neither.
    """
    match model:
        case Model():
            return model
        case str():
            return KEPT.get(model)
        case _:
            raise UsageError(f"A model is a loaded one or the name of one, not {type(model).__name__}.")


def finished(job: Job, meter: Meter) -> Edit:
    """Run a job; an inversion walked back is also held against the autoencoder's round trip."""
    edit = run_patiently(job, meter)
    if not isinstance(job.method, Invert):
        return edit
    with job.model.lock, torch.no_grad():
        round_trip, back = job.model.family.decode(job.task.x0), job.model.family.decode(edit.latent)
    figures = edit.figures.model_copy(update={"psnr": decibels(round_trip, back)})
    return replace(edit, figures=figures)


def decibels(one: Pixels, other: Pixels) -> float:
    """Peak signal to noise ratio of two pictures in [-1, 1]; 100 and above counts as equal."""
    error = (one.clamp(-1, 1) - other.clamp(-1, 1)).square().mean()
    return float(10 * torch.log10(4 / error.clamp(min=4e-10)))


def differences(told: Recipe, now: Recipe) -> list[str]:
    """What is not as it was when a recipe was written, a sentence each; nothing for equal pixels."""
    if told.output == now.output:
        return []
    found: list[str] = []
    if told.model.hash != now.model.hash:
        found.append("The weights of the model are not those the recipe was made with.")
    if [one.weights for one in told.controls] != [one.weights for one in now.controls]:
        found.append("The side networks are not those the recipe was made with.")
    was, here = told.environment, now.environment
    changed = {
        name: (was.versions[name], version)
        for name, version in here.versions.items()
        if was.versions.get(name, version) != version
    } | {
        name: pair
        for name in ("device", "dtype", "threads")
        if (pair := (getattr(was, name), getattr(here, name)))[0] != pair[1]
    }
    if changed:
        listed = ", ".join(f"{name} {old} then, {new} now" for name, (old, new) in changed.items())
        found.append(f"The recipe was made elsewhere: {listed}.")
    return [*found, "The picture is not bit for bit the recorded one."]
