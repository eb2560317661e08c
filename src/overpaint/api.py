"""What a program calls: edit, generate, invert, rerun, cite."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from overpaint.errors import UsageError
from overpaint.images import Limits
from overpaint.images.recipe import Recipe
from overpaint.images.runs import Runs
from overpaint.inversions.cache import Cache
from overpaint.meter import Meter, beside
from overpaint.method import Method
from overpaint.methods.invert import Invert
from overpaint.model import Model
from overpaint.network import Pixels
from overpaint.neutral import neutral
from overpaint.run.auto import carried, planned
from overpaint.run.by_map import by_map, led
from overpaint.run.citing import bibtex
from overpaint.run.examine import examined
from overpaint.run.inputs import Given, recipe_in
from overpaint.run.kept import KEPT
from overpaint.run.loading import threads
from overpaint.run.locating import located
from overpaint.run.memory import within
from overpaint.run.plan import Job
from overpaint.run.recalled import recalled
from overpaint.run.request import EditRequest, edit_request, targets_of
from overpaint.run.result import Edit
from overpaint.run.sided import Settings, Wanted
from overpaint.run.told import Segments, Told, regions_in
from overpaint.run.unasked import METHOD, nothing_asked, unasked
from overpaint.run.where import Where

LOG = logging.getLogger("overpaint")


@neutral()
def edit(
    image: Given,
    *,
    source: str = "",
    target: str | Sequence[str] = "",
    method: str | Method = "p2p",
    model: str | Model = "still-life",
    seed: int = 0,
    mask: Given | Runs | None = None,
    mask_box: str | Sequence[int] | None = None,
    map: Given | None = None,
    mask_words: str | Sequence[str] | None = None,
    mask_diff: bool = False,
    grow: int = 0,
    extend: str = "",
    context: int | None = None,
    onto: Given | None = None,
    pictures: Mapping[str, Given | Sequence[Given]] | None = None,
    regions: Told = (),
    segments: Segments | None = None,
    control: Settings | Sequence[Wanted] = (),
    feather: int = 0,
    fit: str = "pad",
    alpha: str = "keep",
    background: str = "white",
    limits: Limits | None = None,
    memory: str | int | None = None,
    look: bool = True,
    meter: Meter | None = None,
    maps: bool = False,
    cache: bool | None = None,
    options: Mapping[str, Any] | None = None,
    **named: Any,
) -> Edit:
    """Edit a picture with a published method.

    Args:
        image: a file's name, an open file, its bytes, an image of Pillow, an array, a `Picture` or an `Edit`,
            of any size: it is fitted to the model without distortion, and the result has its size.
        source: what the picture shows now; may be left out where the picture says so itself.
        target: what it should show; or several prompts, each a picture of its own from one walk of the
            source, with methods that take several (`Edit.apart` gives each as an edit).
        method: a name from ``overpaint methods``, or a method with its options: ``PromptToPrompt(steps=20)``;
            ``"auto"`` tries what does best on such edits and gives what most likely came off
            (`Edit.chosen`).
        model: a loaded model, a shipped one's name, or a diffusers folder; one that is named is loaded once
            and kept for later calls (`overpaint.unload`).
        seed: of every random draw; the global random state is neither used nor moved.
        mask: a picture of the same size, white where the result may differ; outside it every pixel stays.
            Also runs as COCO and PIE-Bench write them in JSON: a file, or what it holds.
        mask_box: a rectangle in its place: left, top, width, height, or ``"x,y,w,h"``.
        map: what is to be where, made by `overpaint.regions` and painted over: the side network of Still
            Life reads it, and what may change is where it differs, unless something else says so.
        mask_words: words in its place, such as ``"ball"``: where the model looks for them in the picture.
        mask_diff: in its place wherever source and target prompt disagree about the picture.
        grow: pixels by which the mask is widened, whichever it is.
        extend: pixels to add to sides of the picture, ``"left=64,top=0"``; all that is new may change.
        context: show the model the mask and so many pixels around it alone, at its full resolution.
        onto: an earlier edit of the picture, which stays where the mask does not reach; what is inside is
            made from the picture itself, however many edits came before. Places are searched in it.
        pictures: further ones that the method looks at, by name: ``{"examples": [...]}``.
        regions: what parts of the picture are told to show, for methods that tell them: masks with words,
            ``[("left.png", "a red cube")]``; without words, ``""``, what the picture shows there.
        segments: one picture of all of them, a value or a colour each; ``regions`` then says what each shows:
            ``{1: "a red cube", "blue": "a ball"}``.
        control: side networks that speak into every call: a `Control`, the same as text
            (``"canny.safetensors=auto:0.8"``), or a pair of either with a picture.
        feather: pixels inside the mask's border over which the edit fades.
        fit: ``"pad"`` shows the model the whole picture, ``"crop"`` the largest piece of the model's shape in
            the middle; the rest stays as it is.
        alpha: ``"keep"`` gives the picture its transparency back, ``"flatten"`` lays it on ``background``.
        background: a colour's name or ``#rrggbb``.
        limits: the largest file and picture that are read, in whatever form they are given.
        memory: what it may take (``"4GB"``, or bytes): rows then go through the network in smaller groups.
        look: look at the picture first, and warn where it is far from those the model knows; that takes a
            few rows of its own (``figures.look_rows``) where the model has a record of them, else none.
        meter: counts, reports progress and cancels; a fresh one each time.
        maps: record where every word of ``target`` looks (`Edit.words`).
        cache: keep the picture's inversion on disk for the next edit of it; by itself for a model that is
            named, and for one that is loaded if it has a cache.
        options: the method's; an option of a component is written ``{"inversion.inner": 5}``.
        named: the same, as keywords: ``steps=20``.

    Raises:
        UsageError: anything about the request is wrong; raised before the first network call.
    """
    request = {"source": source, **targets_of(target), "seed": seed, "feather": feather}
    request |= {"fit": fit, "alpha": alpha, "background": background, "context": context}
    told = regions_in(regions, segments, limits)
    request |= {"grow": grow, "extend": extend, **told.request}
    said = {**(options or {}), **named}
    where = Where(mask, mask_box, mask_words, mask_diff)
    if map is not None:
        loaded = of_name(model)
        where, control = led(by_map(image if onto is None else onto, map, loaded, limits), where, control)
    asked = edit_request(
        "edit",
        method,
        image,
        request,
        said,
        maps,
        where=where,
        pictures={**(pictures or {}), **told.pictures},
        control=control,
        onto=onto,
        limits=limits,
    )
    return carried_out(asked, model, meter, memory, cache, look)


@neutral()
def generate(
    prompt: str,
    *,
    method: str | Method = "generate",
    model: str | Model = "still-life",
    seed: int = 0,
    regions: Told = (),
    segments: Segments | None = None,
    control: Settings | Sequence[Wanted] = (),
    memory: str | int | None = None,
    meter: Meter | None = None,
    maps: bool = False,
    options: Mapping[str, Any] | None = None,
    **named: Any,
) -> Edit:
    """A picture from a prompt; its recipe lets later edits start from the exact noise instead of inverting.

    Side networks (``control``, as in `edit`) look at what is given; there is no picture to make it from.
    Other methods than plain sampling are those that need no picture: ``p-plus``, and ``spatext``, which is
    told what ``regions`` (or ``segments``, as in `edit`) show.

    Raises:
        UsageError: an empty or overlong prompt, or an option that is wrong.
    """
    told, said = regions_in(regions, segments), {**(options or {}), **named}
    request = {"target": prompt, "seed": seed, **told.request}
    asked = edit_request(
        "generate", method, None, request, said, maps, pictures=told.pictures, control=control
    )
    return carried_out(asked, model, meter, memory)


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
    look: bool = True,
    check: bool | str = False,
    meter: Meter | None = None,
    cache: bool | None = None,
    options: Mapping[str, Any] | None = None,
    **named: Any,
) -> Edit:
    """Turn a picture into noise and walk it back: ``figures.psnr`` says how well that goes.

    The inversion is kept as that of an edit is, so that edits with the same prompt and options start at once.

    Args:
        image, source, model, seed, fit, limits, memory, look, meter, options: as for `edit`.
        check: also edit it with the same prompt twice, and say what that changes (`Edit.unasked`): by plain
            DDIM over the inversion, or by the method of this name.

    Raises:
        UsageError: the picture cannot be read, or an option is wrong.
    """
    request, said = {"source": source, "seed": seed, "fit": fit}, {**(options or {}), **named}
    asked = edit_request("invert", "invert", image, request, said, limits=limits)
    loaded, meter = of_name(model), meter or Meter()
    with loaded.lock:
        twin = nothing_asked(asked, loaded, METHOD if check is True else check) if check else None
        kept = kept_in(loaded, cache, isinstance(model, str))
        with loaded.keeping(kept):
            made = carried_out(asked, loaded, meter, memory, look=look)
            return made if twin is None else checked(made, twin, beside(meter), memory)


@neutral()
def rerun(
    recipe: Given | Recipe,
    *,
    model: str | Model | None = None,
    meter: Meter | None = None,
    maps: bool = False,
    limits: Limits | None = None,
) -> Edit:
    """Make a picture again from its recipe: bit for bit on the same machine with the same versions.

    The recipe may be given as what carries it: a picture in any form, or an edit.
    Where versions, model or result differ from what was recorded, the edit's warnings say so.

    Raises:
        UsageError: the file carries no recipe, or its source picture has gone or changed.
    """
    told = recipe_in(recipe, limits)
    asked, where = recalled(told, maps, limits), told.environment
    with threads(where.threads):
        loaded = (
            KEPT.get(told.model.name, where.dtype, where.device, told.model.origin, where.offload)
            if model is None
            else of_name(model)
        )
        with loaded.lock, loaded.sparing(where.at_once or loaded.at_once):
            edit = carried_out(asked, loaded, meter, cache=False)
    return replace(edit, warnings=(*edit.warnings, *differences(told, edit.recipe)))


def cite(recipe: Given | Recipe, *, limits: Limits | None = None) -> str:
    """BibTeX of everything a picture was made with: the method, its inversion, the kind of model.

    Raises:
        UsageError: the file carries no recipe.
    """
    return bibtex(recipe_in(recipe, limits))


def carried_out(
    asked: EditRequest,
    model: str | Model,
    meter: Meter | None,
    memory: str | int | None = None,
    cache: bool | None = None,
    look: bool = True,
) -> Edit:
    """Plan, look at the picture, and run, the model held from the first look to the last."""
    loaded, meter = of_name(model), meter or Meter()
    with loaded.lock, loaded.keeping(kept_in(loaded, cache, isinstance(model, str))):
        asked = located(asked, loaded, beside(meter))
        job = replace(planned(asked, loaded), look=look)
        job = job if memory is None else within(job, memory)
        return finished(examined(job, beside(meter)), meter)


def kept_in(model: Model, cache: bool | None, named: bool) -> object:
    """Where inversions are kept: by itself on disk for a model that was named, as the command line does."""
    if cache is None:
        return model.cache or (Cache() if named else None)
    return (model.cache or Cache()) if cache else None


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
    for sentence in job.notes:
        LOG.warning(sentence)
    edit = carried(job, meter)
    if job.asked.result is not None:
        return edit.one(job.asked.result)
    if not isinstance(job.method, Invert):
        return edit
    with job.model.lock, torch.no_grad():
        round_trip, back = job.model.family.decode(job.task.x0), job.model.family.decode(edit.latent)
    figures = edit.figures.model_copy(update={"psnr": decibels(round_trip, back)})
    return replace(edit, figures=figures)


def checked(edit: Edit, twin: Job, meter: Meter, memory: str | int | None = None) -> Edit:
    """An edit with what another one, asked for nothing, changes."""
    found = unasked(twin if memory is None else within(twin, memory), meter)
    figures = edit.figures.model_copy(update={"unasked": found.psnr, "check_rows": found.rows})
    return replace(edit, figures=figures, unasked=found)


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
