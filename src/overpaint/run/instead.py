"""Which method to take where another one cannot do what was asked: the nearest that can."""

from collections.abc import Callable, Iterable, Mapping, Set
from typing import Any

from overpaint import registry
from overpaint.card import Need
from overpaint.method import Method

Facts = Mapping[str, Any]
"""A method as the registry holds it."""


def nearest_that(kind: type[Method], can: Callable[[Facts], bool]) -> str | None:
    """Of the methods that can do something the one that has most options and needs in common with this one.

    None where none can. What the registry holds is read, so nothing is imported for it.
    """
    own = {*kind.model_fields, *kind.card.needs}
    able = {
        name: len(own & {*facts["schema"].get("properties", ()), *facts["needs"]})
        for name, facts in registry.read_summary().items()
        if name != kind.card.name and can(facts)
    }
    return max(able, key=lambda name: able[name], default=None)


def otherwise(kind: type[Method], can: Callable[[Facts], bool], does: str) -> str:
    """The end of a sentence that names that method; just its full stop where there is none."""
    found = nearest_that(kind, can)
    return "." if found is None else f"; {found!r} {does}."


def content_with(given: Iterable[Need], family: str | None = None) -> Callable[[Facts], bool]:
    """Whether a method needs no more, looks at the picture if there is one, and runs on a family."""
    there: Set[str] = {str(need) for need in given}

    def can(facts: Facts) -> bool:
        sees = str(Need.IMAGE) not in there or str(Need.IMAGE) in {*facts["needs"], *facts["optional"]}
        return sees and set(facts["needs"]) <= there and (family is None or family in facts["families"])

    return can


def of_family(family: str, needs: Iterable[Need]) -> Callable[[Facts], bool]:
    """Whether a method runs on a family, and needs nothing beside what another one does."""
    wanted = {str(need) for need in needs}
    return lambda facts: family in facts["families"] and set(facts["needs"]) <= wanted


def looking_at(pictures: str) -> Callable[[Facts], bool]:
    """Whether a method looks at further pictures of that name."""
    return lambda facts: pictures in {*facts["needs"], *facts["optional"], *facts["pictures"]}
