"""Side networks and maps of a piece of work."""

from collections.abc import Callable, Mapping
from typing import Any

from overpaint.errors import UsageError
from overpaint.images import Picture
from overpaint.run.sided import Wanted
from overpaint.sides.options import Control


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
