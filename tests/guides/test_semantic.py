"""Semantic guidance: sums, places, momentum, warm-up and end, by their formulas."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from tests.kit import draw, gap, shared, text, told

from overpaint.guides import CFG
from overpaint.guides.semantic import Localised, Semantic, Term, by_cell, by_channel, largest, row
from overpaint.path import Latent, Prediction

X = draw(1, 4, 8, 8, seed=9)


def terms(*scales: float, threshold: float = 0.0, **more: int) -> list[Term]:
    return [Term(f"c{k}", text("sd1", "a dog"), float(s), threshold, **more) for k, s in enumerate(scales)]


def own(n: int, seed: int = 0, i: int = 1) -> dict[str, Prediction]:
    """Predictions that belong to one latent, as those of a network do."""
    call = told(X, i=i)
    signs = ("-", "+", *(row(k) for k in range(n)))
    return {sign: call.holding(draw(1, 4, 8, 8, seed=seed + k)) for k, sign in enumerate(signs)}


def guide(several: Sequence[Term], momentum: float = 0.0, beta: float = 0.4) -> Semantic:
    return Semantic(CFG(text("sd1", "a cat"), text("sd1", ""), 5.0), several, momentum=momentum, beta=beta)


def localised(several: Sequence[Term]) -> Localised:
    return Localised(text("sd1", ""), several)


def eps(g: Semantic | Localised, rows: dict[str, Prediction], i: int = 1) -> Latent:
    made = g.combine(rows, told(X, i=i))
    path = shared().path(4)
    assert gap(path.alpha[i] * made.x0 + path.sigma[i] * made.eps, X) < 1e-4  # still says what X is made of
    return made.eps


def test_rows_of_the_guide_inside_come_first() -> None:
    lines = guide(terms(1, 2)).lines(0)
    assert [line.sign for line in lines] == ["-", "+", "+0", "+1"]
    assert [line.sign for line in Localised(text("sd1", ""), terms(1, 2)).lines(0)] == ["-", "+0", "+1"]


def test_with_all_places_it_is_plain_composition() -> None:
    rows = own(2)
    null = rows["-"].eps
    push = 3 * (rows["+0"].eps - null) - 2 * (rows["+1"].eps - null)
    assert gap(eps(guide(terms(3, -2)), rows), null + 5 * (rows["+"].eps - null) + push) < 1e-4
    assert gap(eps(Localised(text("sd1", ""), terms(3, -2)), rows), null + push) < 1e-4


def test_without_strength_nothing_is_pushed() -> None:
    rows = own(1)
    base = guide(()).base.combine(rows, told(X, i=1)).eps
    assert gap(eps(guide(terms(0.0)), rows), base) < 1e-6
    assert torch.equal(eps(Localised(text("sd1", ""), terms(0.0)), rows), rows["-"].eps)


def test_the_order_of_concepts_makes_no_difference() -> None:
    rows = own(2)
    turned = {**rows, "+0": rows["+1"], "+1": rows["+0"]}
    for build in (guide, localised):
        both = terms(3, -2, threshold=0.6)
        assert gap(eps(build(both), rows), eps(build(both[::-1]), turned)) < 1e-5


def test_taking_away_is_adding_with_the_other_sign() -> None:
    rows = own(1)
    for build in (guide, localised):
        plus, minus, none = (eps(build(terms(s, threshold=0.5)), rows) for s in (2.0, -2.0, 0.0))
        assert gap(plus - none, none - minus) < 1e-5


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.75, 0.9, 1.0])
def test_a_share_of_the_picture_is_left_alone(threshold: float) -> None:
    push = draw(1, 4, 8, 8)
    (term,) = terms(1, threshold=threshold)
    for where in (by_channel, by_cell):
        mask = where(0, term, push, told(X))
        kept = mask.flatten(2).mean(-1)
        assert float((kept - (1 - threshold)).abs().max()) <= 1 / 64
        assert set(mask.unique().tolist()) <= {0.0, 1.0}  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    assert by_cell(0, term, push, told(X)).shape == (1, 1, 8, 8)
    most = push.abs().sum(1).argmax()
    assert float(by_cell(0, term, push, told(X)).flatten()[most]) == 1


def test_the_largest_are_counted_in_each_channel() -> None:
    push = torch.arange(32.0).reshape(1, 2, 4, 4)
    assert largest(push, 0.5).flatten(2).sum(-1).flatten().equal(torch.tensor([8.0, 8.0]))


def test_momentum_by_hand_over_three_steps() -> None:
    g, several = guide(terms(3, -2), momentum=0.3, beta=0.6).begin(), terms(3, -2)
    assert isinstance(g, Semantic)
    before = torch.zeros(1, 4, 8, 8)
    for i in range(3):
        rows = own(2, seed=10 * i, i=i)
        null = rows["-"].eps
        push = sum((t.scale * (rows[row(k)].eps - null) for k, t in enumerate(several)), torch.zeros(1))
        whole = push + 0.3 * before
        assert gap(eps(g, rows, i), null + 5 * (rows["+"].eps - null) + whole) < 1e-3
        before = 0.6 * before + 0.4 * whole


def test_momentum_gathers_while_concepts_warm_up() -> None:
    g = guide(terms(3, warmup=1), momentum=0.3, beta=0.6).begin()
    assert isinstance(g, Semantic)
    first, second = own(1, i=0), own(1, seed=20)
    base = guide(()).base
    assert gap(eps(g, first, 0), base.combine(first, told(X)).eps) < 1e-6
    gathered = 0.4 * 3 * (first["+0"].eps - first["-"].eps)
    plain = base.combine(second, told(X, i=1)).eps
    assert gap(eps(g, second, 1), plain + 3 * (second["+0"].eps - second["-"].eps) + 0.3 * gathered) < 1e-4


def test_each_walk_begins_without_a_past() -> None:
    g, rows = guide(terms(3), momentum=0.5), own(1)
    fresh = [eps(one, rows) for one in (g.begin(), g.begin()) if isinstance(one, Semantic)]
    assert torch.equal(*fresh)
    walked = g.begin()
    assert isinstance(walked, Semantic)
    eps(walked, rows)
    assert gap(eps(walked, rows), fresh[0]) > 0.1


def test_while_some_warm_up_the_others_are_a_weighted_mean() -> None:
    first, second, late = terms(3, -2, 4)
    several = [replace(first, weight=3.0), second, replace(late, warmup=5)]
    rows = own(3)
    null = rows["-"].eps
    push = 0.75 * 3 * (rows["+0"].eps - null) + 0.25 * -2 * (rows["+1"].eps - null)
    plain = guide(()).base.combine(rows, told(X, i=1)).eps
    assert gap(eps(guide(several, momentum=0.3), rows), plain + push) < 1e-4


def test_what_has_ended_pushes_no_more() -> None:
    rows = own(2)
    plain = guide(()).base.combine(rows, told(X, i=1)).eps
    assert gap(eps(guide(terms(3, cooldown=1)), rows), plain) < 1e-6
    ended, late = replace(terms(3)[0], cooldown=0), replace(terms(3)[0], warmup=5)
    got = eps(guide([ended, late]), rows)  # zero by zero in the published code
    assert bool(torch.isfinite(got).all()) and gap(got, plain) < 1e-6
    for term in (ended, late):
        alone = {"-": rows["-"], "+0": rows["+0"]}
        assert torch.equal(eps(Localised(text("sd1", ""), [term]), alone), rows["-"].eps)
