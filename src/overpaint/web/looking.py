"""A look at a picture before anything is asked of it, so that nobody waits for an edit that must go wrong."""

from dataclasses import replace

from overpaint.meter import Meter
from overpaint.run.examine import examined
from overpaint.run.plan import plan
from overpaint.run.request import edit_request
from overpaint.web.schemas import LookOut
from overpaint.web.studio import Studio


def look_at(studio: Studio, blob: str, name: str) -> LookOut:
    """What a picture is to a model, if the model has nothing else to do: nobody's edit waits for a look.

    Raises:
        UsageError: there is no such model here.
        Refused: there is no such picture.
    """
    picture, model = studio.picture(blob), studio.loaded.get(studio.model(name))
    if model is None or studio.ledger.counts().get("running"):
        return LookOut(busy=True)
    with model.lock:
        job = plan(edit_request("edit", "sdedit", picture, {"target": "a"}, {}), model)
        job = examined(replace(job, look=True), Meter())
    if job.seen is None:  # the model made it just so
        return LookOut()
    return LookOut(far=job.seen.far, words=job.seen.words, distance=job.seen.distance)
