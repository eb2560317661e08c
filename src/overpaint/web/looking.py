"""Looks at a picture before anything is asked of it: whether the model knows such, and what is where."""

from dataclasses import replace

import numpy as np

from overpaint.errors import UsageError
from overpaint.images import encode_png
from overpaint.meter import Meter
from overpaint.run.examine import examined
from overpaint.run.plan import plan
from overpaint.run.regions import TEXT, read_regions
from overpaint.run.request import edit_request
from overpaint.sides.segmenter import segmenter_of
from overpaint.web.schemas import LookOut, RegionOut, RegionsOut
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


def regions_of(studio: Studio, blob: str, name: str) -> RegionsOut:
    """What is where in a picture, if the model has nothing else to do.

    Raises:
        UsageError: there is no such model here, or it cannot tell.
        Refused: there is no such picture.
    """
    picture, model = studio.picture(blob), studio.loaded.get(studio.model(name))
    if model is None or studio.ledger.counts().get("running"):
        return RegionsOut(busy=True)
    if segmenter_of(model) is None:
        raise UsageError(f"The model {model.name} cannot tell what is where in a picture; choose another.")
    with model.lock:
        found = read_regions(picture, model)
    shown = found.picture
    kept = studio.keep(encode_png(shown, {TEXT: shown.info.text[TEXT]}), "The map")[0]
    counts = np.bincount(found.places.flatten(), minlength=len(found.palette.names)) / found.places.size
    names = [
        RegionOut(name=one, colour=colour, share=float(counts[k]))
        for k, (one, colour) in enumerate(found.palette.colours.items())
    ]
    return RegionsOut(map=kept, names=sorted(names, key=lambda one: -one.share))
