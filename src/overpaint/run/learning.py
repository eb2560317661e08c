"""Learning without an edit: what a method learns first, as a file for edits to come."""

import torch

from overpaint.errors import UsageError
from overpaint.meter import Meter
from overpaint.methods.imagic import Imagic
from overpaint.run.plan import Job
from overpaint.tune.patch import Weights


def learned(job: Job, meter: Meter) -> Weights:
    """What the method of a job learns, or finds in the store; the model is left as it was.

    Raises:
        Cancelled: the meter was told to stop; the next try goes on from the draft, where one is kept.
        UsageError: the method learns nothing that is kept.
    """
    method, model = job.method, job.model
    if not isinstance(method, Imagic):
        raise UsageError(f"The method {method.card.name!r} learns nothing that is kept; use it by itself.")
    meter.total = meter.rows + method.learning.cost().rows[1]
    with model.lock, torch.no_grad(), model.metered(meter):
        return method.learn(model, job.task)
