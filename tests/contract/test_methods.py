"""The shipped contract over the whole registry."""

import pytest

from overpaint import registry
from overpaint.contract import CHECKS, SHAPES, cases
from overpaint.families.tiny import ODD, Shape

ALL = [(name, check, shape) for name in registry.METHODS for check, shape in cases(registry.find(name))]


@pytest.mark.parametrize(
    ("name", "check", "shape"), ALL, ids=[f"{n}-{s}-{c}".replace(" ", "-") for n, c, s in ALL]
)
def test_contract(name: str, check: str, shape: Shape) -> None:
    CHECKS[check](registry.find(name), shape)


def test_every_shape_is_covered() -> None:
    assert {shape for _, _, shape in ALL} == {*SHAPES, *ODD}


def test_registry_summary_is_fresh() -> None:
    assert registry.read_summary() == registry.summary(), (
        "run `python -m overpaint.registry` to write it anew"
    )


def test_names_match_the_cards() -> None:
    assert {name: registry.find(name).card.name for name in registry.METHODS} == {
        n: n for n in registry.METHODS
    }
