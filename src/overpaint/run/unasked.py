"""What an edit changes where nothing is asked: the same prompt twice.

An ideal editor gives the picture back. What differs is what the method, its inversion and the autoencoder do
by themselves, and what they will do to the rest of the picture in any edit. No truth is needed to see it.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from overpaint.errors import UsageError
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.run.memory import run_patiently
from overpaint.run.own_noise import inversion_of
from overpaint.run.plan import Job, plan
from overpaint.run.request import EditRequest, kind_of
from overpaint.run.resolve import resolve
from overpaint.run.unchanged import Unasked, apart, compared

METHOD = "ddim"
"""By itself the barest: another prompt over an inversion, nothing held on to."""


def unasked(job: Job, meter: Meter) -> Unasked:
    """Do a job that `nothing_asked` planned, and compare.

    Raises:
        Cancelled: the meter was told to stop.
        UsageError: there is no picture.
    """
    shown, before = job.asked.shown, meter.rows
    if shown is None:
        raise UsageError("Without a picture there is nothing to keep; give one.")
    made, trip = run_patiently(job, meter).picture, None
    if job.task.given_x0 is not None:
        with job.model.lock, torch.no_grad():
            trip = apart(shown, job.placed(job.model.family.decode(job.task.given_x0.float())))
    inversion = inversion_of(job.method)
    name = None if inversion is None else inversion.called
    psnr, changed, where = compared(shown, made)
    return Unasked(job.method.card.name, name, psnr, trip, changed, where, made, meter.rows - before)


def nothing_asked(asked: EditRequest, model: Model, method: str | None = None) -> Job:
    """The plan of a request with the source prompt as its target: by its own method, or by another one.

    Of the options those go along that the other method has too.

    Raises:
        UsageError: there is no such method, or it cannot be used so.
    """
    kind = asked.kind if method is None else kind_of(method)
    if not asked.request.source.split():
        raise UsageError("To ask for nothing is to say twice what the picture shows; give the source prompt.")
    options: Mapping[str, Any] = {
        name: value for name, value in asked.options.items() if name.partition(".")[0] in kind.model_fields
    }
    resolve(kind, options, {}, f"the method {kind.card.name!r}")
    twice = asked.request.changed(target=asked.request.source, also=())
    return plan(replace(asked, command="edit", kind=kind, options=options, request=twice, watch=False), model)
