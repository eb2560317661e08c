"""Side networks and maps of a piece of work."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from typing import Any

from overpaint.errors import UsageError
from overpaint.images import Picture
from overpaint.run.sided import Wanted
from overpaint.sides.conditions import made_from
from overpaint.sides.file import shipped_names
from overpaint.sides.options import Control

OWN = ("cyclenet",)
"""Those that a method takes by itself."""


@cache
def speakers() -> tuple[str, ...]:
    """The side networks that come with the package and speak beside any method, from the picture alone."""
    found = list[str]()
    for name in (one for one in shipped_names() if one not in OWN):
        with suppress(UsageError):
            made_from("auto", name)
            found.append(name)
    return tuple(found)


def controlled(said: Mapping[str, Any], read: Callable[[str], Picture | bytes]) -> Wanted:
    """A side network as an edit takes it, from how work names it."""
    how = Control(net=said["net"], scale=said["scale"], start=said["start"], stop=said["stop"])
    return how if said["picture"] is None else (how, read(said["picture"]))


def spoken(said: Mapping[str, Any]) -> str:
    """The same as a command line has it."""
    seen = "" if said["picture"] is None else "=CONDITION"
    when = "" if (said["start"], said["stop"]) == (0, 1) else f"@{said['start']:g}-{said['stop']:g}"
    return f"{said['net']}{seen}:{said['scale']:g}{when}"


def check_map(plan: Picture, picture: Picture) -> None:
    """Refuse a map that cannot be one of that picture.

    Raises:
        UsageError: it has another size.
    """
    (a, b), (height, width) = plan.size, picture.size
    if plan.size != picture.size:
        raise UsageError(f"The map has {b} x {a} pixels and the picture {width} x {height}; make them equal.")
