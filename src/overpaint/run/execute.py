"""Carrying out a plan under one roof: the model held, work counted, whatever was attached taken off again."""

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from time import perf_counter

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from overpaint.attention import Moment
from overpaint.card import KINDS
from overpaint.controls.keep import Keep, near_side, word_maps
from overpaint.families.extras import unused_words
from overpaint.families.load import SHIPPED
from overpaint.images import Picture, from_tensor, pixels_hash, spread
from overpaint.images.recipe import KEY, ControlRecord, Environment, ModelRecord, Recipe, SourceRecord
from overpaint.inversions import Quality
from overpaint.inversions.quality import of_unknown
from overpaint.masks.shown import MASK, of_target
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.noise import Draws, Noise
from overpaint.outcome import outcome_of
from overpaint.run.own_noise import goes_on, inversion_of, notes
from overpaint.run.plan import Job
from overpaint.run.request import EditRequest
from overpaint.run.result import Edit, Figures, Target, WordMaps
from overpaint.run.sided import laid_out
from overpaint.sides.card import CARDS

LOG = logging.getLogger("overpaint")


@dataclass(eq=False)
class Watch(Keep):
    """Records where the words of the result look, before any control of the method changes it."""

    def when(self, at: Moment) -> bool:
        """During the walk to the result: an inversion has no such rows."""
        return self.reads <= set(at.rows)


def execute(job: Job, meter: Meter) -> Edit:
    """Do the work. The model is held for the whole of it and left as it was, also when the meter cancels.

    Raises:
        Cancelled: the meter was told to stop; nothing remains.
    """
    model, began, before = job.model, perf_counter(), counts(meter)
    watched, draws = job.method.watched(job.task), list[None]()
    watch = Watch(near_side(model.tap.sites, *job.task.shape[-2:]), frozenset(watched))
    meter.total = meter.rows + job.cost.rows[1]
    with ExitStack() as stack:
        stack.enter_context(model.lock)
        stack.enter_context(torch.no_grad())
        stack.enter_context(model.metered(meter))
        stack.enter_context(model.sparing(job.at_once or model.at_once))
        stack.enter_context(model.side(*job.beside.sides))
        if job.asked.watch and watched:
            stack.enter_context(model.control(watch))
        made = outcome_of(job.method(model, replace(job.task, noise=heard(job.task.noise, draws))))
        pixels = made.pixels or [model.family.decode(latent.float()) for latent in made.latents]
    if meter.cancelled:
        raise Cancelled("The edit was cancelled; nothing was written.")
    meter.total = meter.rows
    picture, *others = (job.placed(one) for one in pixels)
    work = {name: value - before[name] for name, value in counts(meter).items()}
    quality = understood(job, meter)
    poor = (quality.words,) if quality is not None and quality.grade == "poor" and not forewarned(job) else ()
    own = job.asked.request
    prompts = (own.source, own.target, *own.also, *job.task.texts)
    seed = idle_seed(job) if not draws else ()
    noted = (*model.notes, *unused_words(model, prompts), *notes(job.asked, model), *seed)
    for words in (*noted, *poor):
        LOG.warning(words)
    warnings = (*job.notes, *noted, *poor)
    seen = attention(job, watch)
    told = recipe(job, picture, warnings)
    picture = replace(picture, info=replace(picture.info, text={KEY: told.model_dump_json()}))
    return Edit(
        picture=picture,
        latents=tuple(made.latents),
        recipe=told,
        figures=Figures(
            **work,
            look_rows=job.look_rows,
            round_trip=None if job.seen is None else job.seen.round_trip,
            distance=None if job.seen is None else job.seen.distance,
            seconds=job.seconds + perf_counter() - began,
            strayed=quality and quality.rms,
            quality=quality and quality.grade,
            reconstruction=quality and quality.words,
        ),
        source=job.asked.picture,
        warnings=warnings,
        trace=dict(meter.notes),
        maps=dict(meter.maps),
        words=tuple(word for words in seen.values() for word in words),
        mask=mask_of(job, meter),
        others=tuple(others),
        scores={name: tuple(values) for name, values in made.scores.items()},
        layers={name: job.placed_layer(layer) for name, layer in made.layers.items()},
        learned=tuple(made.learned),
        conditions=conditions(job),
        targets=targets(job, seen, meter),
    )


def targets(job: Job, seen: Mapping[str, WordMaps], meter: Meter) -> tuple[Target, ...]:
    """What belongs to each of several targets; nothing where there is one."""
    request = job.asked.request
    if not request.also:
        return ()
    named = zip(job.task.targets, (request.target, *request.also), strict=True)
    return tuple(Target(text, seen.get(f"{one}+", ()), mask_of(job, meter, one)) for one, text in named)


def heard(noise: Draws, draws: list[None]) -> Draws:
    """The same draws, each of which is put down."""
    return replace(noise, on_draw=lambda: draws.append(None)) if isinstance(noise, Noise) else noise


def idle_seed(job: Job) -> tuple[str, ...]:
    """What to say of a seed in an edit that drew nothing; what a kept inversion drew is not drawn again."""
    seed, inversion = job.asked.request.seed, inversion_of(job.method)
    if not seed or (inversion is not None and inversion.random):
        return ()
    name = job.method.card.name
    return (f"The seed {seed} changes nothing: with these options {name!r} draws nothing at random.",)


def understood(job: Job, meter: Meter) -> Quality | None:
    """How well the inversion reconstructs the picture, where the method has one."""
    inversion = inversion_of(job.method)
    if inversion is None or job.asked.picture is None:
        return None
    quality = inversion.grade(meter, goes_on(job.asked, job.model, job.method))
    unknown = job.seen is not None and job.seen.unknown
    return of_unknown(quality) if unknown else quality


def forewarned(job: Job) -> bool:
    """Whether it was said before that the picture is far from what the model knows."""
    return job.seen is not None and job.seen.unknown


def counts(meter: Meter) -> dict[str, int]:
    """What the meter has counted so far."""
    return {name: getattr(meter, name) for name in ("calls", *KINDS)}


def attention(job: Job, watch: Watch) -> dict[str, WordMaps]:
    """The recorded attention of every word by row, over the part of the frame that the picture fills."""
    return {
        role: tuple(
            (word, over_picture(job, one)) for word, one in word_maps(watch, text.prompt, role).items()
        )
        for role, text in job.method.watched(job.task).items()
        if watch.counts.get(role)
    }


def mask_of(job: Job, meter: Meter, target: str = "tgt") -> Picture | None:
    """Where the picture could change, white on black: as the method found, or as it was told."""
    found = of_target(MASK, target)
    if found not in meter.maps or not job.method.card.finds_mask(job.method):
        given = job.asked.mask
        return None if given is None else Picture(given.weights[..., None].repeat(3, 2))
    return painted(job, meter.maps[found].cpu())


def painted(job: Job, grid: Float[Tensor, "rows columns"]) -> Picture:
    """A mask over the frame as a picture of the result's size, white on black."""
    seen = over_picture(job, grid, "nearest-exact")
    white = interpolate(seen[None, None], job.asked.size or seen.shape, mode="nearest-exact")[0] > 0.5
    return from_tensor(white.expand(1, 3, -1, -1) * 2.0 - 1)


def conditions(job: Job) -> tuple[Picture, ...]:
    """What side networks looked at, at the size of the picture."""
    fitted = [None if CARDS[one.file.kind].free else job.fitted for one in job.asked.controls]
    return tuple(map(laid_out, job.beside.conditions, fitted, [job.asked.size] * len(fitted)))


def over_picture(
    job: Job, grid: Float[Tensor, "rows columns"], how: str = "bilinear"
) -> Float[Tensor, "height width"]:
    """A map of the frame in pixels, without the frame's padding."""
    height, width = (n * job.model.family.factor for n in job.task.shape[-2:])
    smooth = interpolate(grid[None, None].float(), (height, width), mode=how)[0, 0]
    if job.fitted is None or job.asked.size is None:
        return smooth
    return spread(smooth[job.fitted.placement.window], job.fitted, job.asked.size)


def recipe(job: Job, picture: Picture, warnings: tuple[str, ...] = ()) -> Recipe:
    """Everything that is needed to make the picture again."""
    model, asked = job.model, job.asked
    return Recipe(
        command=asked.command,
        method=job.method.card.name,
        options=job.method.model_dump(mode="json"),
        chosen=dict(job.chosen),
        request=asked.request.model_dump(mode="json"),
        model=ModelRecord(
            name=address(model), hash=model.fingerprint, family=model.family.name, origin=model.origin
        ),
        environment=Environment.now(
            model.device.type,
            str(model.dtype).removeprefix("torch."),
            job.at_once or model.at_once,
            model.offload,
        ),
        pictures=recorded(asked),
        controls=tuple(
            ControlRecord(
                options=one.how.model_dump(mode="json"), weights=one.file.fingerprint, kind=one.file.kind
            )
            for one in asked.controls
        ),
        watched=asked.watch,
        warnings=warnings,
        output=pixels_hash(picture),
    )


def recorded(asked: EditRequest) -> dict[str, tuple[SourceRecord, ...]]:
    """Every picture of a request by name."""
    source = () if asked.picture is None else ((asked.picture, asked.place),)
    mask = () if asked.mask is None else ((asked.mask.picture, asked.mask.place),)
    below = () if asked.onto is None else (asked.onto,)
    shown = {f"control:{k}": (one.picture,) for k, one in enumerate(asked.controls, 1) if one.picture}
    every = {"source": source, "mask": mask, "onto": below, **asked.further, **shown}
    return {
        name: tuple(SourceRecord.of(*one) for one in several) for name, several in every.items() if several
    }


def address(model: Model) -> str:
    """What to load the model by again: its name if it is shipped or made by a program, else its folder."""
    if model.home is None or model.home == SHIPPED.get(model.name):
        return model.name
    return str(model.home.absolute())
