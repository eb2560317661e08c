"""Classifier-free guidance and none."""

import torch
from tests.kit import draw, gap, text, told

from overpaint.guides import CFG, Plain
from overpaint.path import Prediction


def predictions() -> dict[str, Prediction]:
    return {sign: Prediction(*draw(2, 1, 4, 6, 5, seed=k).unbind()) for k, sign in enumerate("-+")}


def test_plain_asks_for_one_row_and_returns_it() -> None:
    guide, own = Plain(text("sd1", "a cat")), predictions()
    assert [line.sign for line in guide.lines(3)] == ["+"]
    assert guide.combine({"+": own["+"]}, told(draw(1, 4, 6, 5))) is own["+"]
    assert guide.begin() is guide


def test_cfg_is_its_formula() -> None:
    own = predictions()
    guide = CFG(text("sd1", "a cat"), text("sd1", ""), 7.5)
    got = guide.combine(own, told(draw(1, 4, 6, 5)))
    assert gap(got.eps, own["-"].eps + 7.5 * (own["+"].eps - own["-"].eps)) < 1e-5
    assert gap(got.x0, own["-"].x0 + 7.5 * (own["+"].x0 - own["-"].x0)) < 1e-5
    assert guide.begin() is guide


def test_cfg_at_scale_zero_and_one() -> None:
    own, x = predictions(), draw(1, 4, 6, 5)
    one, none = (CFG(text("sd1", "a cat"), text("sd1", ""), s).combine(own, told(x)) for s in (1.0, 0.0))
    assert gap(one.eps, own["+"].eps) < 1e-6
    assert torch.equal(none.eps, own["-"].eps)


def test_cfg_asks_for_the_null_of_its_step() -> None:
    nulls = [text("sd1", ""), text("sd1", "a dog"), text("sd1", "a bird")]
    guide = CFG(text("sd1", "a cat"), nulls)
    for i, null in enumerate(nulls):
        lines = guide.lines(i)
        assert [line.sign for line in lines] == ["-", "+"]
        assert lines[0].text is null
        assert lines[1].text is guide.text


def test_cfg_asks_for_the_text_of_its_step() -> None:
    texts = [text("sd1", "a dog"), text("sd1", "a bird")]
    guide = CFG(texts, text("sd1", ""))
    assert [guide.lines(i)[1].text for i in (0, 1)] == texts
