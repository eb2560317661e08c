"""The shipped contract over the whole registry."""

import pytest

from overpaint import registry
from overpaint.contract import CHECKS, SHAPES, cases
from overpaint.families.tiny import ODD, Shape

Case = tuple[str, str, Shape]
ALL: list[Case] = [
    (name, check, shape) for name in registry.METHODS for check, shape in cases(registry.find(name))
]
EVERYWHERE = ("cost equals the card",)
"""Checks that every kind of network needs; the others run on one of them unless all cases are asked for.

This one makes a whole edit, so that it shows as well that the method runs.
"""
WIDE = [case for case in ALL if case[1] in EVERYWHERE]
REST = [case for case in ALL if case[1] not in EVERYWHERE]


def named(case: Case) -> str:
    name, check, shape = case
    return f"{name}-{shape}-{check}".replace(" ", "-")


@pytest.mark.parametrize("case", WIDE, ids=[named(case) for case in WIDE])
def test_contract_on_every_network(case: Case) -> None:
    name, check, shape = case
    CHECKS[check](registry.find(name), shape)


@pytest.mark.parametrize(("name", "check", "shape"), REST, ids=[named(case) for case in REST])
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
