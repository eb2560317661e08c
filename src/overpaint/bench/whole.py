"""The table of all methods: what stands in it, and how many cases each row of it takes.

Its rows are every method that edits a picture, with what suits the model and, where that is something else,
as published; Prompt-to-Prompt over every inversion; and by concepts what goes by those. What needs a mask is
given the true region. Whatever takes over a minute an edit is measured on the first fifty cases, five of each
type.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from overpaint import registry
from overpaint.bench.case import Case
from overpaint.bench.results import Results, row_key, row_of
from overpaint.bench.run import jobs
from overpaint.bench.variant import Variant, goes_by_concepts, reason, variants
from overpaint.files import atomic
from overpaint.inversions.choice import NAMES
from overpaint.method import Method
from overpaint.model import Model
from overpaint.run.estimate import estimate
from overpaint.run.suiting import TUNED

COMBINED = "p2p"
"""The method that is measured over every inversion."""
PUBLISHED = "published"
UNMADE = "recorded"
"""The inversion that only pictures with a recipe have."""
FEW = 50
"""Cases that are enough where an edit takes long."""
PLAN = "plan.json"
"""The file in a folder of results that says how many cases each row takes."""


@dataclass(frozen=True)
class Planned:
    """A row of the table to come."""

    variant: Variant
    seconds: float
    """Of an edit; 0 where none can be made."""
    rows: int
    few: bool
    """Whether the first `FEW` cases are all that it is measured on."""

    def taken(self, cases: Sequence[Case]) -> Sequence[Case]:
        """Its cases among all of them."""
        return cases[:FEW] if self.few else cases


def every_row(model: Model, methods: Sequence[str] = ()) -> list[Variant]:
    """All rows of the table on a model, of some methods only if they are named, each once.

    Raises:
        UsageError: a method is unknown, or cannot do such edits whatever it is given.
    """
    chosen = [registry.find(name) for name in methods] or [
        kind for kind in registry.every() if gifts_of(kind, model) is not None
    ]
    found = [variant for kind in chosen for variant in rows_of(kind, model)]
    return list({key_of(variant, model): variant for variant in found}.values())


def rows_of(kind: type[Method], model: Model) -> Iterator[Variant]:
    """Those of a method."""
    name, given = kind.card.name, gifts_of(kind, model) or ()
    yield from variants([name], [], {}, model, given)
    if name == COMBINED:
        yield from variants([name], [one for one in NAMES if one != UNMADE], {}, model)
    if TUNED in kind.model_fields and name in model.suits.edits:
        yield from variants([name], [], {TUNED: PUBLISHED}, model, given)
    if goes_by_concepts(kind):
        yield from variants([name], [], {}, model, ("concepts",))


def gifts_of(kind: type[Method], model: Model) -> tuple[str, ...] | None:
    """The least that a method must be given beside picture and prompts; nothing where that does not help."""
    enough = ((), ("region",), ("concepts",))
    return next((gifts for gifts in enough if reason(kind, model, gifts) is None), None)


def left_out(model: Model) -> Mapping[str, str]:
    """Methods without a row, and why, as the end of a sentence."""
    kinds = [kind for kind in registry.every() if gifts_of(kind, model) is None]
    return {kind.card.name: reason(kind, model, ()) or "" for kind in kinds}


def planned(model: Model, cases: Sequence[Case], found: Sequence[Variant], slow: float) -> Iterator[Planned]:
    """How long an edit of each row takes here, and whether that is too long for all cases."""
    for variant in found:
        job = next(jobs(model, cases, variant), None)
        told = None if job is None else estimate(job)
        seconds = 0.0 if told is None else sum(told.seconds) / 2
        yield Planned(variant, seconds, 0 if told is None else told.rows[1], seconds > slow)


def settled(results: Results, model: Model, found: Sequence[Planned]) -> list[Planned]:
    """The same with as many cases as an earlier run of the folder took; what is new is noted for later ones.

    So a machine that is faster or slower than the first one does not change the table half way.
    """
    place, keys = results.folder / PLAN, [key_of(one.variant, model) for one in found]
    with results.writing():
        known = {key: one.few for key, one in zip(keys, found, strict=True)} | noted(place)
        atomic.write(place, (json.dumps(known, indent=1) + "\n").encode())
    return [replace(one, few=known[key]) for key, one in zip(keys, found, strict=True)]


def noted(place: Path) -> dict[str, bool]:
    """Which rows an earlier run measured on few cases; nothing where that cannot be read."""
    try:
        found = cast("dict[str, bool]", json.loads(place.read_bytes()))
        return {name: bool(few) for name, few in found.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def key_of(variant: Variant, model: Model) -> str:
    """What a row is known by on a model."""
    return row_key(row_of(variant, model.fingerprint))
