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
from overpaint.api import checked, finished
from overpaint.cli.answer import true_answer
from overpaint.cli.early import check_files, numbered, single_files
from overpaint.cli.options import Common
from overpaint.cli.progress import cancelling, counted, previewing, progress
from overpaint.cli.several import check_several, write_several
from overpaint.cli.words import duration, heard, one_line, say
from overpaint.errors import UsageError
from overpaint.files.provenance import Origin
from overpaint.files.sizes import amount
from overpaint.images import Picture, check_side, heatmaps, save_picture
from overpaint.inversions.cache import Cache
from overpaint.meter import Cancelled, Meter, beside
from overpaint.model import Model
from overpaint.run.auto import planned
from overpaint.run.estimate import Estimate, estimate
from overpaint.run.examine import examined
from overpaint.run.kept import KEPT
from overpaint.run.loading import threads
from overpaint.run.locating import located
from overpaint.run.memory import within
from overpaint.run.plan import Job
from overpaint.run.request import EditRequest
from overpaint.run.result import Edit
from overpaint.run.unasked import nothing_asked
from overpaint.run.written import lost

RETURN = "return"
"""The layer of a result that was translated back, which is written beside it."""


@dataclass(frozen=True)
class Done:
    """An edit, and where its files lie, by what they hold (``output``, ``mask``, ``preview``, …)."""

    edit: Edit
    files: Mapping[str, Path]
    told: tuple[str, ...] = ()
    """Warnings that were said before the work began."""


def perform(
    common: Common, asked: EditRequest, out: Path | None, always: bool = False, check: str | None = None
) -> Done | None:
    """Carry out a wish and write its result; nothing with ``dry_run``.

    ``check`` names the method by which the picture is also edited with nothing asked.

    Raises:
        UsageError: anything about the wish or the files to write is wrong; nothing has been written then.
        click.Abort: somebody pressed Ctrl-C.
    """
    check_files(common, out, 1 if asked.result else 1 + len(asked.request.also))
    if out is not None and asked.size is not None:
        check_side(out, asked.size)
    asked = replace(asked, watch=asked.watch or common.maps is not None)
    with ExitStack() as stack:
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        model = opened(common)
        stack.enter_context(model.lock)
        stack.enter_context(model.keeping(Cache() if common.cache else None))
        job = prepared(asked, model, common)
        if not common.dry_run:
            check_several(job, common, single_files(common, out))
        twin = None if check is None else nothing_asked(asked, model, check)
        if common.dry_run:
            forewarn(job)
            report_estimate(estimate(job), None if twin is None else estimate(twin), common)
            return None
        meter = Meter()
        try:
            with cancelling(meter):
                if asked.seek is not None:
                    job = prepared(located(asked, model, beside(meter), job), model, common)
                job = examined(job, beside(meter))
            forewarn(job)
            total, of = counted(job.cost)
            with cancelling(meter), progress(asked.command, total, meter, always, of):
                done = carried_out(job, meter, common)
            if twin is not None:
                apart, (total, of) = Meter(), counted(twin.cost)
                with cancelling(apart), progress("check", total, apart, always, of):
                    done = replace(done, edit=checked(done.edit, twin, apart, common.memory))
        except Cancelled:
            raise click.Abort() from None
    return write(done, common, out)


def prepared(asked: EditRequest, model: Model, common: Common) -> Job:
    """The plan, as the command line wants it carried out.

    Raises:
        UsageError: anything about the wish is wrong.
    """
    job = planned(asked, model)
    check_mask(job, common)
    check_conditions(job, common)
    job = replace(job, at_once=common.at_once, look=common.look)
    return job if common.memory is None else within(job, common.memory)


def forewarn(job: Job) -> None:
    """Say what should be known before the work begins."""
    for sentence in job.notes:
        say(f"Warning: {sentence}")


def carried_out(job: Job, meter: Meter, common: Common) -> Done:
    """Run, with previews where they are wanted."""
    places = list[Path]()
    if common.preview is not None:
        places = previewing(meter, job.model, common.preview, common.fresh_name)
    edit = finished(job, meter)
    if meter.cancelled:
        raise Cancelled("The edit was cancelled; nothing was written.")
    return Done(edit, {"preview": places[-1]} if places else {}, job.notes)


def opened(common: Common) -> Model:
    """The model, kept for the next command of this process where nothing of it has changed since."""
    origin = common.origin or Origin.said(
        common.loras, common.embeddings, common.prediction, common.tokenizer, common.force
    )
    name = "still-life" if common.model is None else common.model
    return KEPT.get(name, common.dtype, common.device, origin, common.offload, common.download)


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


def check_mask(job: Job, common: Common) -> None:
    """Refuse to write the mask of an edit that finds none.

    Raises:
        UsageError: it does not.
    """
    used = job.asked.mask is not None or job.method.card.finds_mask(job.method)
    if common.mask_out is not None and not used:
        finding = [kind.card.name for kind in registry.every() if kind.card.finds_mask(kind())]
        raise UsageError(
            f"With these options the method {job.method.card.name!r} finds no mask that could be written; "
            f"give one, leave out --mask-out, or choose one that does: {', '.join(finding)}."
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
    for number, one in enumerate(edit.apart if edit.targets else (edit,), 1):
        files |= results(one, number, common, out)
    if out is not None:
        edit = replace(edit, warnings=(*edit.warnings, *lost(edit, out, common.quality)))
    if out is not None and not edit.targets and (edit.others or len(edit.tried) > 1):
        sheet = out.with_name(f"{out.stem}-sheet.png")
        files["sheet"] = save_picture(
            edit.sheet(), sheet, overwrite=common.overwrite, fresh_name=not common.overwrite
        )
    if out is not None and common.layers_out is None and RETURN in edit.layers:
        files[f"layer-{RETURN}"] = save_picture(
            edit.layers[RETURN],
            out.with_name(f"{out.stem}-{RETURN}.png"),
            overwrite=common.overwrite,
            fresh_name=not common.overwrite,
        )
    if common.control_out is not None:
        (condition,) = edit.conditions
        files["condition"] = save_picture(condition, common.control_out, **how)
    if common.strip is not None:
        answers = [answer_of(one) for one in (edit.apart if edit.targets else (edit,))]
        files["strip"] = save_picture(edit.strip(*answers), common.strip, **how)
    return Done(edit, {**files, **write_several(edit, common)}, done.told)


def results(edit: Edit, number: int, common: Common, out: Path | None) -> dict[str, Path]:
    """Write one of several results, or the only one, with what was asked for beside it."""
    how: dict[str, Any] = {"overwrite": common.overwrite, "fresh_name": common.fresh_name}
    files, end = dict[str, Path](), "" if number == 1 else f"-{number}"
    if out is not None:
        files[f"output{end}"] = edit.save(numbered(out, number), quality=common.quality, **how)
    if common.maps is not None:
        maps = [(one_line(word), grid) for word, grid in edit.words]
        files[f"maps{end}"] = save_picture(heatmaps(maps, edit.picture), numbered(common.maps, number), **how)
    if common.mask_out is not None and edit.mask is not None:
        files[f"mask{end}"] = save_picture(edit.mask, numbered(common.mask_out, number), **how)
    return files


def answer_of(edit: Edit) -> Picture | None:
    """The true answer, where it is known."""
    source, target = str(edit.recipe.request.get("source", "")), edit.recipe.target
    return None if edit.source is None else true_answer(edit.source, source, target or source)


def report(done: Done, common: Common, **more: Any) -> None:
    """What came out, for people or for programs; where nobody heard it, at least what was written."""
    for warning in done.edit.warnings:
        if warning not in done.told:
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
        | ({} if done.edit.unasked is None else {"unasked": done.edit.unasked.facts})
        | ({"scores": dict(done.edit.scores)} if done.edit.scores else {})
        | ({} if done.edit.chosen is None else {"chosen": done.edit.chosen.facts})
        | {"figures": done.edit.figures.model_dump(), "warnings": list(done.edit.warnings), **more}
    )


def for_people(done: Done) -> Iterator[str]:
    """What one wants to know of an edit, a line each."""
    figures = done.edit.figures
    for name, place in done.files.items():
        if name.startswith("output"):
            yield one_line(f"Wrote {place}")
    if "sheet" in done.files:
        tried = len(done.edit.tried)
        said = f"all {tried} that were tried" if tried > 1 else f"all {1 + len(done.edit.others)} results"
        yield one_line(f"Wrote {done.files['sheet']}: {said}")
    for name, place in done.files.items():
        if name.startswith(("result-", "layer-")):
            yield one_line(f"Wrote {place}")
    beside = f", {figures.sides} in side networks" * (figures.sides > 0)
    yield f"{figures.rows} rows in {figures.calls} network calls{beside}, {duration(figures.seconds)}"
    if figures.quality is not None:
        why = f". {figures.reconstruction}" if figures.strayed is None else f" ({figures.strayed:.3f})"
        yield f"Reconstruction of the picture by its inversion: {figures.quality}{why}"
    if figures.psnr is not None:
        yield f"Walked back: {figures.psnr:.1f} dB against the autoencoder's round trip"
    for name, values in done.edit.scores.items():
        if len(values) == 1:
            yield f"{name.capitalize()}: {values[0]:.3g}"
    if done.edit.unasked is not None:
        yield done.edit.unasked.words
    if done.edit.chosen is not None:
        yield done.edit.chosen.reason
        several = len(done.edit.tried) + len(done.edit.chosen.failed) > 1
        yield from [one.words for one in done.edit.tried] if several else []
        yield from done.edit.chosen.failed


def report_estimate(found: Estimate, check: Estimate | None, common: Common) -> None:
    """What the work would take, and a check of it."""
    if common.as_json:
        more = {} if check is None else {"check": check.model_dump(mode="json")}
        click.echo(json.dumps(found.model_dump(mode="json") | more))
        return
    rows, seconds = (sorted({*pair}) for pair in (found.rows, found.seconds))
    look = f", and {found.look} to look at the picture first" if found.look else ""
    judging = " to ".join(map(str, sorted({*found.judging})))
    judged = f", and {judging} to judge what was tried" if found.judging[1] else ""
    click.echo(f"Rows through the network: {' to '.join(map(str, rows))}{look}{judged}")
    if found.sides[1]:
        click.echo(f"Rows through side networks: {' to '.join(map(str, sorted({*found.sides})))}")
    if found.backwards[1]:
        click.echo(f"Backward passes: {' to '.join(map(str, sorted({*found.backwards})))}")
    click.echo(f"Time: about {' to '.join(map(duration, seconds))}")
    click.echo(f"Memory: about {amount(found.memory)}")
    if check is not None:
        (least, most), slowest = check.rows, check.seconds[1]
        times = f"{least}" if least == most else f"{least} to {most}"
        click.echo(f"The check: {times} more rows, about {duration(slowest)}")
