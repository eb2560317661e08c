"""What the page says an edit takes is what the plan of that edit says."""

from dataclasses import replace
from functools import cache

import pytest

from overpaint import load
from overpaint.bench.case import Case
from overpaint.bench.still_life import TYPES, cases
from overpaint.model import Model
from overpaint.run.auto import planned
from overpaint.run.request import EditRequest, edit_request
from overpaint.web.cost import in_turn, judged, of_request, unseen


@cache
def still_life() -> Model:
    return load("still-life")


def asked(case: Case, method: str) -> EditRequest:
    said = {"source": case.source_prompt, "target": case.target_prompt}
    return edit_request("edit", method, case.pictures().source, said, {})


@pytest.mark.parametrize("case", cases(limit=len(TYPES)), ids=lambda case: case.kind)
@pytest.mark.parametrize("method", ["auto", "p2p", "pnp"])
def test_a_price_counts_what_the_model_suggests_for_these_prompts(case: Case, method: str) -> None:
    request = asked(case, method)
    job = planned(request, still_life())
    assert of_request(request, still_life()) == job.cost and judged(request, still_life()) == job.judging


def test_no_more_is_judged_than_there_is_to_try() -> None:
    case = cases(limit=1)[0]
    many = replace(asked(case, "auto"), options={"candidates": 5})
    assert judged(many, still_life()) == planned(many, still_life()).judging


def test_before_a_model_is_there_a_method_has_its_own_defaults() -> None:
    case = cases(limit=1)[0]
    p2p, auto = unseen(asked(case, "p2p")), unseen(asked(case, "auto"))
    assert p2p.rows == (200, 200), "150 of the walk, and 50 the way to noise"
    assert auto.rows[0] <= p2p.rows[1] < auto.rows[1]
    assert in_turn([p2p, p2p]).rows == (200, 400)
