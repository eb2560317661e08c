"""Memory: planning for a bound, and trying again with fewer rows at a time where it ran out."""

import gc
import logging
from dataclasses import replace

import torch

from overpaint.errors import OutOfMemory, UsageError, short_of_memory
from overpaint.files.sizes import amount, bytes_of
from overpaint.meter import Meter
from overpaint.out_of_memory import either, ways_out
from overpaint.run.estimate import Speed, look_folder, speed_of
from overpaint.run.execute import execute
from overpaint.run.kept import KEPT
from overpaint.run.plan import Job
from overpaint.run.result import Edit

MARGIN = 1.25
"""For maps that controls look at, and what waits for rows that come later."""
LOG = logging.getLogger("overpaint")


def within(job: Job, bound: str | int) -> Job:
    """The job with as many rows at a time as fit into a bound.

    Raises:
        UsageError: it does not fit even row by row.
    """
    speed, room = speed_of(job, look_folder()), bytes_of(bound)
    need = least(job, speed)
    if need > room:
        raise UsageError(
            f"The edit needs about {amount(need)} of memory even row by row, more than {amount(room)}; "
            f"{advice(job)}."
        )
    rows = int((room - speed.weights) / (MARGIN * max(speed.row_bytes, 1)))
    return replace(job, at_once=max(1, rows))


def least(job: Job, speed: Speed) -> int:
    """What a job needs with one row at a time."""
    tuning = speed.tuned_bytes if job.cost.backwards[1] else 0
    return speed.peak(max(int(MARGIN * speed.row_bytes), tuning))


def advice(job: Job) -> str:
    """What would make a job smaller."""
    ways = ways_out(job.model.device, job.model.dtype, job.model.offload)
    if job.cost.backwards[1]:
        ways.insert(-1, "an inversion that tunes nothing (direct)")
    return f"choose {either(ways)}"


def run_patiently(job: Job, meter: Meter) -> Edit:
    """Run a job; where memory runs out, again with half the rows at a time, down to one.

    Raises:
        OutOfMemory: it ran out with one row as well, or with rows that controls keep together; the sentence
            says what to change.
    """
    notes, maps = {name: list(values) for name, values in meter.notes.items()}, dict(meter.maps)
    said: tuple[str, ...] = ()
    before: int | None = None
    while True:
        meter.widest = 0
        try:
            edit = execute(job, meter)
            return replace(edit, warnings=(*said, *edit.warnings))
        except Exception as error:
            if not short_of_memory(error):
                raise
        # Beyond the handler nothing holds the frames, and with them the tensors, of the failed attempt.
        if meter.widest <= 1 or (before is not None and meter.widest >= before):
            raise too_small(job, meter.widest)
        before = meter.widest
        job = replace(job, at_once=meter.widest // 2)
        said = (f"Memory ran out, so the edit was made again with rows taken {job.at_once} at a time.",)
        LOG.warning(said[0])
        meter.notes, meter.maps = {name: list(values) for name, values in notes.items()}, dict(maps)
        freed(job)


def too_small(job: Job, rows: int) -> OutOfMemory:
    """The error for work that does not fit at all; ``rows`` shared a call and could not be parted further."""
    how = "row by row"
    if rows > 1:
        how = f"with the fewest rows at a time ({rows}, which attention controls read for one another)"
    return OutOfMemory(f"Memory of the device {job.model.device} ran out even {how}; {advice(job)}.")


def freed(job: Job) -> None:
    """Give back what the failed attempt held, and what other models that were named hold."""
    KEPT.let_go(but=job.model)
    gc.collect()
    if job.model.device.type == "cuda":
        torch.cuda.empty_cache()
