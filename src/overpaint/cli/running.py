"""Doing what was asked: check, load, plan, run, write, report. The network libraries are imported here."""

import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from overpaint import registry
from overpaint.api import finished
from overpaint.cli.answer import true_answer
from overpaint.cli.options import Common
from overpaint.cli.progress import cancelling, previewing, progress
from overpaint.cli.words import duration, heard, one_line, say
from overpaint.errors import UsageError
from overpaint.files.provenance import Origin
from overpaint.files.sizes import amount
from overpaint.images import (
    Picture,
    check_output,
    check_quality,
    check_side,
    heatmaps,
    save_picture,
    strip,
)
from overpaint.images.encoding import holds_alpha, lossy
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter
from overpaint.model import Model
from overpaint.run.estimate import Estimate, estimate
from overpaint.run.loading import load_as, threads
from overpaint.run.memory import within
from overpaint.run.plan import Job, plan
from overpaint.run.request import EditRequest
from overpaint.run.result import Edit


@dataclass(frozen=True)
class Done:
    """An edit, and where its files lie, by what they hold (``output``, ``mask``, ``preview``, …)."""

    edit: Edit
    files: Mapping[str, Path]


def perform(common: Common, asked: EditRequest, out: Path | None, always: bool = False) -> Done | None:
    """Carry out a wish and write its result; nothing with ``dry_run``.

    Raises:
        UsageError: anything about the wish or the files to write is wrong; nothing has been written then.
        click.Abort: somebody pressed Ctrl-C.
    """
    check_files(common, out)
    if out is not None and asked.picture is not None:
        check_side(out, asked.picture.size)
    asked = replace(asked, watch=asked.watch or common.maps is not None)
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        model = opened(common)
        stack.enter_context(model.lock)
        job = plan(asked, model)
        check_mask(job, common)
        check_conditions(job, common)
        job = replace(job, at_once=common.at_once)
        if common.memory is not None:
            job = within(job, common.memory)
        if common.dry_run:
            report_estimate(estimate(job), common)
            return None
        meter = Meter()
        try:
            with cancelling(meter), progress(asked.command, job.cost.rows[1], meter, always):
                done = carried_out(job, meter, common)
        except Cancelled:
            raise click.Abort() from None
    return write(done, common, out)


def carried_out(job: Job, meter: Meter, common: Common) -> Done:
    """Run, with previews where they are wanted."""
    places = list[Path]()
    if common.preview is not None:
        places = previewing(meter, job.model, common.preview, common.fresh_name)
    edit = finished(job, meter)
    if meter.cancelled:
        raise Cancelled("The edit was cancelled; nothing was written.")
    return Done(edit, {"preview": places[-1]} if places else {})


def opened(common: Common) -> Model:
    """The model, with a place for its inversions."""
    origin = common.origin or Origin.said(
        common.loras, common.embeddings, common.prediction, common.tokenizer
    )
    name = "still-life" if common.model is None else common.model
    model = load_as(name, common.dtype, common.device, origin, common.download, common.offload)
    model.cache = Cache() if common.cache else None
    return model


def quiet() -> Any:
    """Warnings of ours as sentences, those of libraries not at all."""
    stack = ExitStack()
    stack.enter_context(warnings.catch_warnings())
    warnings.simplefilter("ignore")
    warnings.filterwarnings("always", module=r"overpaint\.")
    warnings.showwarning = said_as_sentence
    for name in ("diffusers", "transformers", "overpaint"):  # ours come with the figures
        logging.getLogger(name).setLevel(logging.ERROR)
    return stack


def said_as_sentence(message: Warning | str, *more: Any, **named: Any) -> None:
    """What stands in for Python's way of showing a warning."""
    say(f"Warning: {message}")


def check_files(common: Common, out: Path | None) -> None:
    """Refuse names that cannot be written before any work is done."""
    if common.dry_run:
        return
    every = (out, common.maps, common.mask_out, common.control_out, common.strip, common.preview)
    places = [place for place in every if place is not None]
    for place in places:
        check_output(place, overwrite=common.overwrite, fresh_name=common.fresh_name)
    # Two spellings of one folder are one folder; a link that is a file itself is replaced, not followed.
    if len({place.parent.resolve() / place.name for place in places}) < len(places):
        raise UsageError("Two of the files to write have the same name; choose others.")
    if out is not None:
        check_quality(out, common.quality)


def check_mask(job: Job, common: Common) -> None:
    """Refuse to write the mask of an edit that finds none.

    Raises:
        UsageError: it does not.
    """
    if common.mask_out is not None and not job.method.card.finds_mask(job.method):
        finding = [kind.card.name for kind in registry.every() if kind.card.finds_mask(kind())]
        raise UsageError(
            f"With these options the method {job.method.card.name!r} finds no mask that could be written; "
            f"leave out --mask-out, or choose one that does: {', '.join(finding)}."
        )


def check_conditions(job: Job, common: Common) -> None:
    """Refuse to write what no side network looks at, or what several do.

    Raises:
        UsageError: there is not just one.
    """
    count = len(job.beside.conditions)
    if common.control_out is not None and count != 1:
        raise UsageError(
            f"--control-out writes what one side network looks at, and there are {count or 'none'}; give one "
            "--control."
        )


def write(done: Done, common: Common, out: Path | None) -> Done:
    """The picture with its recipe, and the sheets that were asked for."""
    edit, files = done.edit, dict(done.files)
    how: dict[str, Any] = {"overwrite": common.overwrite, "fresh_name": common.fresh_name}
    if out is not None:
        files["output"] = edit.save(out, quality=common.quality, **how)
        edit = replace(edit, warnings=(*edit.warnings, *lost(edit, out, common.quality)))
    if common.maps is not None:
        maps = [(one_line(word), grid) for word, grid in edit.words]
        files["maps"] = save_picture(heatmaps(maps, edit.picture), common.maps, **how)
    if common.mask_out is not None and edit.mask is not None:
        files["mask"] = save_picture(edit.mask, common.mask_out, **how)
    if common.control_out is not None:
        (condition,) = edit.conditions
        files["condition"] = save_picture(condition, common.control_out, **how)
    if common.strip is not None:
        files["strip"] = save_picture(side_by_side(edit), common.strip, **how)
    return Done(edit, files)


def lost(edit: Edit, path: Path, quality: int | None) -> Iterator[str]:
    """What the format could not hold, a sentence each."""
    alpha = edit.picture.alpha
    if alpha is not None and alpha.min() < 255 and not holds_alpha(path):
        background = edit.recipe.request.get("background", "white")
        yield f"A JPEG holds no transparency, so the picture was laid on {background}."
    if edit.recipe.mask is not None and lossy(path, quality):
        yield "This format is not exact, so pixels outside the mask differ a little; a PNG is."


def side_by_side(edit: Edit) -> Picture:
    """Source, edit and, where it is known, the true answer."""
    request = edit.recipe.request
    source, target = (
        str(request.get("source", "")),
        str(request.get("target", "") or request.get("source", "")),
    )
    cells = [(edit.picture, f"{edit.recipe.method}: {target or source}")]
    if edit.source is not None:
        cells.insert(0, (edit.source, f"source: {source}"))
        answer = true_answer(edit.source, source, target)
        cells += [] if answer is None else [(answer, "true answer")]
    return strip([cell for cell, _ in cells], [one_line(text) for _, text in cells])


def report(done: Done, common: Common, **more: Any) -> None:
    """What came out, for people or for programs; where nobody heard it, at least what was written."""
    for warning in done.edit.warnings:
        say(f"Warning: {warning}")
    click.echo(for_programs(done, **more) if common.as_json else "\n".join(for_people(done)))
    if not heard() and done.files:
        say(f"Wrote {', '.join(map(str, done.files.values()))}")


def for_programs(done: Done, **more: Any) -> str:
    """Everything about an edit as one object."""
    recipe = done.edit.recipe
    return json.dumps(
        {name: str(place) for name, place in done.files.items()}
        | {"command": recipe.command, "method": recipe.method, "model": recipe.model.name}
        | {"options": recipe.options, "request": recipe.request}
        | {"figures": done.edit.figures.model_dump(), "warnings": list(done.edit.warnings), **more}
    )


def for_people(done: Done) -> Iterator[str]:
    """What one wants to know of an edit, a line each."""
    figures = done.edit.figures
    if "output" in done.files:
        yield one_line(f"Wrote {done.files['output']}")
    beside = f", {figures.sides} in side networks" * (figures.sides > 0)
    yield f"{figures.rows} rows in {figures.calls} network calls{beside}, {duration(figures.seconds)}"
    if figures.quality is not None:
        why = f". {figures.reconstruction}" if figures.strayed is None else f" ({figures.strayed:.3f})"
        yield f"Reconstruction of the picture by its inversion: {figures.quality}{why}"
    if figures.psnr is not None:
        yield f"Walked back: {figures.psnr:.1f} dB against the autoencoder's round trip"


def report_estimate(found: Estimate, common: Common) -> None:
    """What the work would take."""
    if common.as_json:
        click.echo(found.model_dump_json())
        return
    rows, seconds = (sorted({*pair}) for pair in (found.rows, found.seconds))
    click.echo(f"Rows through the network: {' to '.join(map(str, rows))}")
    if found.sides[1]:
        click.echo(f"Rows through side networks: {' to '.join(map(str, sorted({*found.sides})))}")
    if found.backwards[1]:
        click.echo(f"Backward passes: {' to '.join(map(str, sorted({*found.backwards})))}")
    click.echo(f"Time: about {' to '.join(map(duration, seconds))}")
    click.echo(f"Memory: about {amount(found.memory)}")
