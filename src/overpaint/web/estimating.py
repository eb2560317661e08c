"""What an edit would take, told at once: from the method's card and one look at the model when it was loaded.

The model may be busy for minutes; whoever chooses a method cannot wait for that.
"""

import re
from collections.abc import Mapping
from typing import Any

from overpaint.card import Cost, Need
from overpaint.choosing.choices import USUAL, type_of
from overpaint.methods.auto import Auto
from overpaint.run.asked import asked
from overpaint.run.auto import learned
from overpaint.run.request import kind_of, told
from overpaint.run.resolve import resolve
from overpaint.web.confined import check_confined
from overpaint.web.cost import seconds_of
from overpaint.web.replaying import layered
from overpaint.web.schemas import PICTURE, EditIn, EstimateOut
from overpaint.web.studio import Studio


def estimated(studio: Studio, said: EditIn) -> EstimateOut:
    """What an edit would take; seconds and memory only where the model was looked at.

    Raises:
        UsageError: there is no such method, option or model.
    """
    found = studio.speeds.get(studio.model(said.model))
    kind = kind_of(said.method)
    check_confined(said.method, said.options)
    family = "" if found is None else found.family
    cost = of_auto(studio, said, family) if kind is Auto else of_method(said.method, said.options, family)
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


def of_method(name: str, options: Mapping[str, Any], family: str) -> Cost:
    """What a method with these options takes on such a model."""
    kind, said = told(name, options)
    return kind.card.cost(resolve(kind, said, kind.card.families.get(family, {}), f"the method {name!r}"))


def of_auto(studio: Studio, said: EditIn, family: str) -> Cost:
    """The same where methods are tried: at least the first of them, at most all."""
    own, model = (
        resolve(Auto, said.options, {}, "the method 'auto'"),
        studio.loaded.get(studio.model(said.model)),
    )
    known, tried = None if model is None else learned(model), USUAL
    if known is not None and model is not None:
        kind = own.type or type_of(asked(said.source, said.target, model.suits.words))
        tried = known.by.get(kind, USUAL)
    costs = [of_method(one.method, one.said, family) for one in tried[: own.candidates]]
    first = costs[0]
    return Cost(
        rows=(first.rows[0], sum(one.rows[1] for one in costs)),
        backwards=(first.backwards[0], sum(one.backwards[1] for one in costs)),
        sides=(first.sides[0], sum(one.sides[1] for one in costs)),
    )


def size_of(studio: Studio, said: str) -> tuple[int, int] | None:
    """Height and width of a picture that is here; nothing for one that is not."""
    return studio.picture(said).size if re.fullmatch(PICTURE, said) else None
