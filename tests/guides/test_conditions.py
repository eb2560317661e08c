"""Several conditions: what scales of nothing and of one make of it, and the formula between."""

import torch
from tests.kit import draw, gap, shared

from overpaint.guides import CFG
from overpaint.guides.conditions import Conditions
from overpaint.meter import Meter
from overpaint.model import Call, Line
from overpaint.path import Prediction

ROWS = {
    sign: Prediction(draw(1, 4, 8, 8, seed=k), draw(1, 4, 8, 8, seed=k + 5)) for k, sign in enumerate("-+#")
}
NULL = shared().family.null()
NOTHING, TEXT, MAP = (Line(sign, NULL) for sign in "-+#")


def made(*told: tuple[Line, float]) -> Prediction:
    call = Call(0, shared().path(2), 0, ROWS["-"].x0, {}, Meter())
    return Conditions(NOTHING, told).combine(ROWS, call)


def test_no_scale_is_no_condition() -> None:
    assert torch.equal(made((TEXT, 0.0), (MAP, 0.0)).eps, ROWS["-"].eps)


def test_one_condition_is_classifier_free_guidance() -> None:
    call = Call(0, shared().path(2), 0, ROWS["-"].x0, {}, Meter())
    usual = CFG(NULL, NULL, 4.5).combine(ROWS, call)
    for told in ([(TEXT, 4.5)], [(TEXT, 4.5), (MAP, 0.0)]):
        assert gap(made(*told).eps, usual.eps) < 1e-6 and gap(made(*told).x0, usual.x0) < 1e-6
    assert gap(made((TEXT, 1.0)).eps, ROWS["+"].eps) < 1e-6


def test_each_condition_pulls_from_the_row_that_knows_nothing() -> None:
    p, text, told = (ROWS[sign].eps for sign in "-+#")
    wanted = p + 3 * (text - p) + 5.5 * (told - p)
    assert gap(made((TEXT, 3.0), (MAP, 5.5)).eps, wanted) < 1e-5
    assert gap(made((MAP, 5.5), (TEXT, 3.0)).eps, wanted) < 1e-5


def test_it_asks_a_row_for_each_and_one() -> None:
    assert [line.sign for line in Conditions(NOTHING, [(TEXT, 1.0), (MAP, 2.0)]).lines(0)] == ["-", "+", "#"]
