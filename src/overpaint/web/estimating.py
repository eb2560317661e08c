"""What an edit would take, told at once: from the method's card and one look at the model when it was loaded.

The model may be busy for minutes; whoever chooses a method cannot wait for that.
"""

import re

from overpaint.card import Need
from overpaint.choosing.choices import Type, type_of
from overpaint.methods.auto import Auto
from overpaint.model import Model
from overpaint.run.asked import asked
from overpaint.run.auto import kind_of_edit
from overpaint.run.request import edit_request, kind_of
from overpaint.run.where import Where
from overpaint.web.asking import framing, from_base64
from overpaint.web.confined import check_confined
from overpaint.web.cost import of_auto, of_method, seconds_of
from overpaint.web.replaying import layered
from overpaint.web.schemas import PICTURE, EstimateIn, EstimateOut
from overpaint.web.studio import Studio


def estimated(studio: Studio, said: EstimateIn) -> EstimateOut:
    """What an edit would take; seconds and memory only where the model was looked at.

    Raises:
        UsageError: there is no such method, option or model.
    """
    found = studio.speeds.get(studio.model(said.model))
    kind = kind_of(said.method)
    check_confined(said.method, said.options)
    family = "" if found is None else found.family
    if kind is Auto:
        model = studio.loaded.get(studio.model(said.model))
        cost = of_auto(said.options, model, lambda model: type_asked(studio, said, model))
    else:
        cost = of_method(said.method, said.options, family)
    for one in layered(studio, said, said.image, said.source).get("layers", ()):
        cost += of_method(one["method"], one["options"], family)
    looks = 0 if found is None or not said.look else found.levels
    seconds = memory = None
    if found is not None:
        area = found.area(size_of(studio, said.image))
        seconds = seconds_of(found.speed, cost, looks, area)
        together = 4 if Need.IMAGE in kind.card.needs else 2
        tuning = found.speed.tuned_bytes if cost.backwards[1] else 0
        memory = found.speed.peak(int(area * max(found.speed.row_bytes * together, tuning)))
    return EstimateOut(rows=cost.rows, backwards=cost.backwards, look=looks, seconds=seconds, memory=memory)


def type_asked(studio: Studio, said: EstimateIn, model: Model) -> Type:
    """The type of edit that the two prompts ask for, and where they leave it open the size of the mask.

    Raises:
        UsageError: there is no such mask of the picture.
    """
    if not (said.mask or said.mask_box or said.extend) or not re.fullmatch(PICTURE, said.image):
        return type_of(asked(said.source, said.target, model.suits.words), said.share)
    mask = None
    if said.mask:
        mask = studio.read(said.mask) if re.fullmatch(PICTURE, said.mask) else from_base64(said.mask, "mask")
    request = {**framing(said), "source": said.source, "target": said.target}
    picture, where = studio.picture(said.image), Where(mask, said.mask_box)
    return kind_of_edit(edit_request("edit", said.method, picture, request, said.options, where=where), model)


def size_of(studio: Studio, said: str) -> tuple[int, int] | None:
    """Height and width of a picture that is here; nothing for one that is not."""
    return studio.picture(said).size if re.fullmatch(PICTURE, said) else None
