"""Learning without an edit: what a method learns first, as a file for edits to come."""

from typing import Protocol, runtime_checkable

import torch

from overpaint.errors import UsageError
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.run.plan import Job
from overpaint.task import Task
from overpaint.tune.learned import Learned
from overpaint.tune.tuner import Tuner


@runtime_checkable
class Learns(Protocol):
    """A method that learns something first, and keeps it."""

    @property
    def learning(self) -> Tuner:
        """How."""
        ...

    def learn(self, model: Model, task: Task) -> Learned:
        """What it learns, or finds in the store."""
        ...


def learned(job: Job, meter: Meter) -> Learned:
    """What the method of a job learns, or finds in the store; the model is left as it was.

    Raises:
        Cancelled: the meter was told to stop; the next try goes on from the draft, where one is kept.
        UsageError: the method learns nothing that is kept.
    """
    method, model = job.method, job.model
    if not isinstance(method, Learns):
        raise UsageError(f"The method {method.card.name!r} learns nothing that is kept; use it by itself.")
    meter.total = meter.rows + method.learning.cost().rows[1]
    with model.lock, torch.no_grad(), model.metered(meter):
        return method.learn(model, job.task)
