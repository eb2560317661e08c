"""What an edit would take, told at once: from the method's card and one look at the model when it was loaded.

The model may be busy for minutes; whoever chooses a method cannot wait for that.
"""

import re
from collections.abc import Iterator

from overpaint.card import Need
from overpaint.run.request import EditRequest, edit_request
from overpaint.run.where import Where
from overpaint.web.asking import framing, from_base64
from overpaint.web.confined import check_confined
from overpaint.web.cost import judged, of_request, seconds_of, unseen
from overpaint.web.replaying import layered
from overpaint.web.schemas import PICTURE, EstimateIn, EstimateOut
from overpaint.web.studio import Studio


def estimated(studio: Studio, said: EstimateIn) -> EstimateOut:
    """What an edit would take; seconds and memory only where the model was looked at.

    Raises:
        UsageError: there is no such method, option or model.
    """
    name = studio.model(said.model)
    found, model = studio.speeds.get(name), studio.loaded.get(name)
    check_confined(said.method, said.options)
    asked, share = asked_of(studio, said), None if shaped(said) else said.share
    several = [asked, *layers(studio, said)]
    family = "" if found is None else found.family
    costs = [unseen(one, family) if model is None else of_request(one, model, share) for one in several]
    cost = sum(costs[1:], costs[0])
    looks = 0 if found is None or not said.look else found.levels
    judging = (0, 0) if model is None else judged(asked, model, share)
    seconds = memory = None
    if found is not None:
        area = found.area(size_of(studio, said.image))
        seconds = seconds_of(found.speed, cost, (looks + judging[0], looks + judging[1]), area)
        together = 4 if Need.IMAGE in asked.kind.card.needs else 2
        tuning = found.speed.tuned_bytes if cost.backwards[1] else 0
        memory = found.speed.peak(int(area * max(found.speed.row_bytes * together, tuning)))
    told = {"look": looks, "judging": judging, "seconds": seconds, "memory": memory}
    return EstimateOut.model_validate({"rows": cost.rows, "backwards": cost.backwards, **told})


def asked_of(studio: Studio, said: EstimateIn) -> EditRequest:
    """The edit, as far as it was sent: what is to be looked for comes later, and a map too.

    Raises:
        UsageError: there is no such method, option, picture or mask.
    """
    request = {"source": said.source, "target": said.target}
    if not re.fullmatch(PICTURE, said.image):
        return edit_request("edit", said.method, None, request, said.options)
    mask = None
    if said.mask:
        mask = studio.read(said.mask) if re.fullmatch(PICTURE, said.mask) else from_base64(said.mask, "mask")
    request |= framing(said) if shaped(said) else {}
    picture, where = studio.picture(said.image), Where(mask, said.mask_box)
    return edit_request("edit", said.method, picture, request, said.options, where=where)


def shaped(said: EstimateIn) -> bool:
    """Whether it says where the picture may change."""
    return bool(said.mask or said.mask_box or said.extend)


def layers(studio: Studio, said: EstimateIn) -> Iterator[EditRequest]:
    """The edits that are made again over this one."""
    for one in layered(studio, said, said.image, said.source).get("layers", ()):
        request = {name: one["request"][name] for name in ("source", "target")}
        yield edit_request("edit", one["method"], None, request, one["options"])


def size_of(studio: Studio, said: str) -> tuple[int, int] | None:
    """Height and width of a picture that is here; nothing for one that is not."""
    return studio.picture(said).size if re.fullmatch(PICTURE, said) else None
