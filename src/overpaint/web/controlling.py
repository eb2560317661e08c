"""Side networks and maps of a piece of work.

A client names side networks, and no file of them: those that come with the package, and those that the
server's owner named when it was started.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from overpaint.errors import UsageError
from overpaint.families.locate import SHIPPED
from overpaint.images import Picture
from overpaint.model import Model
from overpaint.run.sided import Wanted, written
from overpaint.sides.conditions import made_from
from overpaint.sides.file import SideFile, shipped_names
from overpaint.sides.load import side_net
from overpaint.sides.options import Control

OWN = ("cyclenet",)
"""Those that a method takes by itself."""
Places = Mapping[str, Path]
"""Side networks of the server's owner, by the names that clients know."""
SET = ("scale", "start", "stop", "guess", "only_mid", "text", "rounding")
"""What a client may set of one, beside what it looks at."""


@cache
def speakers() -> tuple[str, ...]:
    """The side networks that come with the package and speak beside any method, from the picture alone."""
    found = list[str]()
    for name in (one for one in shipped_names() if one not in OWN):
        with suppress(UsageError):
            made_from("auto", name)
            found.append(name)
    return tuple(found)


def fitting(model: Model, own: Places) -> list[str]:
    """The side networks that speak to a model, by name."""
    found = list(speakers()) if model.home in SHIPPED.values() else []
    for name, place in own.items():
        with suppress(UsageError):
            side_net(place, model)
            found.append(name)
    return found


def named(said: str) -> tuple[str, Path]:
    """A side network of the server's owner, from ``NAME=FILE``.

    Raises:
        UsageError: it is not of that form, a name that is taken, or no side network.
    """
    name, _, place = said.partition("=")
    if not place or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"{said!r} names no side network; write NAME=FILE, the name in letters and figures.")
    if name in shipped_names():
        raise UsageError(f"A side network called {name!r} comes with overpaint; choose another name.")
    return name, Path(SideFile.of(place).known).absolute()


def controlled(said: Mapping[str, Any], read: Callable[[str], Picture | bytes], own: Places) -> Wanted:
    """A side network as an edit takes it, from how work names it."""
    how = settled(said, str(own.get(said["net"], said["net"])))
    return how if said["picture"] is None else (how, read(said["picture"]))


def settled(said: Mapping[str, Any], net: str) -> Control:
    """What is set of one."""
    told = {name: said[name] for name in SET if name in said}
    return Control(net=net, picture=said.get("made", "auto"), layers=tuple(said.get("layers", ())), **told)


def spoken(said: Mapping[str, Any]) -> str:
    """The same as a command line has it."""
    how = settled(said, said["net"])
    return written(how if said["picture"] is None else how.changed(picture="CONDITION"))


def check_map(plan: Picture, picture: Picture, what: str) -> None:
    """Refuse a map, or an earlier edit, that cannot be one of that picture.

    Raises:
        UsageError: it has another size.
    """
    (a, b), (height, width) = plan.size, picture.size
    if plan.size != picture.size:
        raise UsageError(
            f"The {what} has {b} x {a} pixels and the picture {width} x {height}; make them equal."
        )
