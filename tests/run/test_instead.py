"""The method that is named where another one cannot do what was asked."""

import pytest

from overpaint.card import Need
from overpaint.registry import find, read_summary
from overpaint.run.instead import content_with, looking_at, nearest_that, of_family, otherwise


@pytest.mark.parametrize("name", read_summary())
@pytest.mark.parametrize("lacking", Need)
def test_the_one_that_is_named_lives_with_what_there_is(name: str, lacking: Need) -> None:
    kind = find(name)
    there = kind.card.needs - {lacking}
    found = nearest_that(kind, content_with(there, "sd1"))
    if found is not None:
        card = find(found).card
        assert found != name and card.needs <= there and "sd1" in card.families
        assert Need.IMAGE not in there or Need.IMAGE in card.needs | card.optional


def test_it_is_the_one_with_most_in_common() -> None:
    p2p = find("p2p")
    assert nearest_that(p2p, lambda _: True) == "style-diffusion"
    assert nearest_that(find("ddim"), lambda facts: facts["law"] == "as-inversion") == "p2p"


def test_none_is_named_where_none_can() -> None:
    assert nearest_that(find("p2p"), lambda _: False) is None
    assert otherwise(find("p2p"), lambda _: False, "does") == "."
    assert otherwise(find("p2p"), looking_at("source-mask"), "does") == "; 'masactrl' does."


def test_a_family_is_looked_up() -> None:
    found = nearest_that(find("p2p"), of_family("pixel", find("p2p").card.needs))
    assert found is not None and "pixel" in find(found).card.families
