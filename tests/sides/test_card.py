"""What is said of the kinds of side network."""

from typing import get_args

from overpaint.sides import Control
from overpaint.sides.card import CARDS, EVERY
from overpaint.sides.file import Kind


def test_every_kind_has_a_card_and_every_option_acts_somewhere() -> None:
    assert CARDS.keys() == {*get_args(Kind)}
    assert EVERY.union(*(card.takes for card in CARDS.values())) == Control.model_fields.keys()


def test_what_would_do_nothing_is_named() -> None:
    how = Control("canny", rounding="diffusers", text="source")
    assert CARDS["controlnet"].idle(how) == ["rounding"]
    assert CARDS["t2i-adapter"].idle(how) == ["text"]
    assert CARDS["style-adapter"].idle(Control(layers=(1.0,), scale=0.5)) == ["layers"]


def test_rows_that_it_costs() -> None:
    assert [card.rows(80) for card in CARDS.values()] == [80, 1, 1]
    assert [card.rows(0) for card in CARDS.values()] == [0, 0, 0]
