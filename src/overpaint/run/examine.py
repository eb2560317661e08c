"""A look at the picture of an edit before it begins, beside the edit's own work."""

from dataclasses import replace
from time import perf_counter

import torch

from overpaint.errors import short_of_memory
from overpaint.meter import Meter
from overpaint.run.known import EVERYWHERE, looked, record_of
from overpaint.run.own_noise import goes_on
from overpaint.run.plan import Job


def rows_of_look(job: Job) -> int:
    """Rows that looking at the picture takes before the edit: nothing where there is no need or no record."""
    known = record_of(job.model)
    return 0 if known is None or not wanted(job) else len(known.levels)


def wanted(job: Job) -> bool:
    """Whether there is a picture to look at, and not one the model is known to have made just so."""
    if not job.look or job.task.given_x0 is None or job.task.given_pixels is None:
        return False
    return not goes_on(job.asked, job.model, job.method)


def examined(job: Job, meter: Meter) -> Job:
    """The job with what a look at its picture says; the meter counts the rows.

    The meter is another than that of the edit, whose rows are those of the method's card.

    Raises:
        Cancelled: the meter was told to stop.
    """
    if not wanted(job):
        return job
    model, x0, pixels, before = job.model, job.task.x0, job.task.pixels, meter.rows
    window = EVERYWHERE if job.fitted is None else job.fitted.placement.window
    began = perf_counter()
    try:
        with model.lock, torch.no_grad(), model.metered(meter):
            look = looked(model, pixels, x0, record_of(model), window)
    except Exception as error:
        if not short_of_memory(error):
            raise
        return job  # the edit will say so, or get by with fewer rows
    told = (*job.notes, look.words) if look.words else job.notes
    took = job.seconds + perf_counter() - began
    return replace(job, seen=look, notes=told, look_rows=job.look_rows + meter.rows - before, seconds=took)
