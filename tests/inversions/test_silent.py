"""A source whose text is the empty one: guidance has nothing to say to it, so one row does."""

from dataclasses import replace
from typing import Literal

import pytest
from tests.inversions.setting import setting

from overpaint.attention import Control
from overpaint.guides import CFG
from overpaint.inversions import (
    DDIM,
    Cycle,
    Direct,
    Edict,
    EditFriendly,
    FixedPoint,
    Inversion,
    NegativePrompt,
    NullText,
    Recorded,
    Regularised,
    Virtual,
)
from overpaint.model import Branch

EVERY = [
    DDIM(),
    Direct(),
    Direct(every=2),
    Edict(),
    EditFriendly(),
    EditFriendly(pinned=False),
    EditFriendly(pinned=False, source_guidance=1),
    NegativePrompt(),
    NegativePrompt(interp=0.5),
    NullText(inner=0),
    NullText(inner=1),
    Recorded(),
    Cycle(),
    Cycle(pinned=False, source_guidance=3),
    FixedPoint(),
    FixedPoint(guidance=3),
    Virtual(),
    Virtual(source_guidance=3),
    Regularised(),
    Regularised(negative="nothing"),
]


class Looking(Control):
    """Looks at rows of the source, without which no row that has no say would be asked for."""

    def __init__(self, reads: frozenset[str]) -> None:
        self.reads = reads


READS = {"silent": frozenset({"src+"}), "both": frozenset({"src+", "src-"})}


@pytest.mark.sample(12)
@pytest.mark.parametrize("inversion", EVERY, ids=repr)
@pytest.mark.parametrize("source", ["silent", "both"])
def test_rows_of_the_way_back_are_as_stated(inversion: Inversion, source: Literal["silent", "both"]) -> None:
    s = setting()
    s = replace(s, source=s.null if source == "silent" else s.source)
    walk = s.walk(inversion, reads=READS[source])
    before = s.model.meter.rows
    walk.run(s.model, Looking(READS[source]))
    rows = s.model.meter.rows - before
    assert rows == inversion.walk_cost(len(s.path), source=source).rows[0]
    calls = len(walk.path) * inversion.target_rows // 2
    assert rows == calls * (2 + len(walk.source_roles))


@pytest.mark.parametrize("inversion", [DDIM(), Direct(every=2), Edict(), Recorded()], ids=repr)
def test_one_row_leads_where_two_would(inversion: Inversion) -> None:
    s = replace(setting(), source=setting().null)
    few, many = s.walk(inversion), s.walk(inversion)
    assert few.source_roles == {"src+"}
    guided = Branch("src", CFG(s.null, s.null, 3.0))
    one, two = few.run(s.model)["src"], replace(many, branches=[guided, many.branches[1]]).run(s.model)["src"]
    assert float((one - two).abs().max()) <= 1e-4 * float(two.abs().max())
