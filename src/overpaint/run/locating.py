"""Looking for the place that may change, before an edit begins, beside the edit's own work."""

from dataclasses import replace

import torch

from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.images import mask_of
from overpaint.masks.attended import STEPS, attended
from overpaint.masks.contrast import Contrast
from overpaint.meter import Meter
from overpaint.model import Model
from overpaint.network import Text
from overpaint.out_of_memory import roomy, ways_out
from overpaint.run.execute import painted
from overpaint.run.inputs import shows
from overpaint.run.plan import Job, plan
from overpaint.run.request import EditRequest
from overpaint.run.where import Seek
from overpaint.task import LACKING, Mask01, Task

PATH, CONTRAST = 50, Contrast(grow=1)
"""How two prompts are contrasted: in the middle of a path, and a cell around where they disagree."""


def rows_of(seek: Seek | None) -> int:
    """Rows that the search takes."""
    if seek is None:
        return 0
    return CONTRAST.rows if seek.contrast else STEPS


def located(asked: EditRequest, model: Model, meter: Meter, job: Job | None = None) -> EditRequest:
    """The request with the mask that it tells the model to look for; as it is where it tells it none.

    Everything else about it is checked first. The meter counts the rows, which are not the edit's own.

    Raises:
        UsageError: the request is wrong, or nothing was found.
        Cancelled: the meter was told to stop.
    """
    if asked.seek is None:
        return asked
    job = plan(below(asked), model) if job is None or asked.onto is not None else job
    where = f"Memory of the device {model.device} ran out while the place to change was searched for"
    with roomy(where, ways_out(model.device, model.dtype, model.offload)):
        with model.lock, torch.no_grad(), model.metered(meter):
            found = seen(asked.seek, job)
    drawn = painted(job, found[0, 0].cpu())
    if not drawn.rgb.any():
        raise UsageError(
            "The model sees no place where the two prompts disagree about this picture; give a mask."
        )
    mask = mask_of(drawn, drawn.size, asked.request.feather, None, asked.request.grow)
    return replace(asked, mask=mask, seek=None, sought=meter.rows)


def below(asked: EditRequest) -> EditRequest:
    """What is searched: an earlier edit that the new one is laid on, and what that says it shows."""
    if asked.onto is None:
        return asked
    picture, place = asked.onto
    source = shows(picture) or asked.request.source
    request = asked.request.model_copy(update={"source": source})
    return replace(asked, picture=picture, place=place, request=request, onto=None)


def seen(seek: Seek, job: Job) -> Mask01:
    """What the model finds, on a grid over the frame."""
    model, task = job.model, job.task
    if seek.contrast:
        return CONTRAST.mask(model, model.path(PATH), both(job))
    height, width = task.shape[-2:]
    factor = model.family.factor
    text = text_of(job, seek)
    return attended(model, task, text, seek.words, (height * factor, width * factor))


def both(job: Job) -> Task:
    """The task with both prompts, whatever its method makes of them; without a source there is the empty one.

    Raises:
        UsageError: nothing is wished for.
    """
    task, asked = job.task, job.asked.request
    if not asked.target.split():
        raise UsageError(LACKING[Need.TARGET])
    source = task.text(asked.source) if asked.source.split() else None
    return replace(task, given_source=source, given_target=task.text(asked.target))


def text_of(job: Job, seek: Seek) -> Text:
    """The sentence in which the words are looked up: what the picture shows, or the words themselves."""
    return job.task.text(job.asked.request.source or ", ".join(seek.words))
