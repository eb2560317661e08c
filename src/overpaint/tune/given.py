"""What was learned as an option: the name of a file, and a hash of what is in it."""

from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field

from overpaint.errors import UsageError
from overpaint.model import Model
from overpaint.options import PLACE
from overpaint.tune.direction import parted
from overpaint.tune.patch import Weights

SHORT = 12
"""Digits of a hash that tell files apart."""


def known(given: str) -> str:
    """The file as an option holds it: its whole path, and a hash of what is in it.

    Raises:
        UsageError: it holds nothing learned, or not what it held any more when the edit was made.
    """
    if not given:
        return ""
    path, before = parted(given)
    found = Weights.load(path).fingerprint[:SHORT]
    if before not in ("", found):
        raise UsageError(f"What was learned in {path} is not what it was when the edit was made.")
    return f"{path.absolute()}@{found}"


LearnedFile = Annotated[
    str,
    AfterValidator(known),
    Field(
        description="a file of 'overpaint learn', so that nothing is learned again",
        json_schema_extra={**PLACE},
    ),
]
"""What was learned as an option."""


def known_all(given: Any) -> Any:
    """Several files on one line, with commas between them, each with a hash of what is in it.

    Raises:
        UsageError: one holds nothing learned, or not what it held any more when the edit was made.
    """
    several = [one.strip() for one in given.split(",")] if isinstance(given, str) else given
    if not isinstance(several, list | tuple):
        return given
    return tuple(known(one) if isinstance(one, str) else one for one in cast("list[Any]", several) if one)


LearnedFiles = Annotated[
    tuple[str, ...],
    BeforeValidator(known_all),
    Field(
        description="files of 'overpaint learn', several with commas, so that nothing is learned again",
        json_schema_extra={**PLACE},
    ),
]
"""Several things learned as an option."""
Force = Annotated[bool, Field(description="use what was learned on another model all the same")]


def once(file: str, force: bool, usual: bool) -> None:
    """Refuse options that could have no effect.

    Raises:
        ValueError: how to learn is said beside a file, or to force without one.
    """
    if file and not usual:
        raise ValueError("what is in the file was learned already; leave out the file or how to learn")
    if force and not file:
        raise ValueError("there is nothing to force; give the file of what was learned")


def opened(option: str, model: Model, method: str, force: bool) -> Weights:
    """What is behind such an option, if it is of this method and suits the model.

    Raises:
        UsageError: it is not, does not, or has gone.
    """
    path, _ = parted(option)
    found = Weights.load(path)
    of = found.about.get("method", "something else")
    if of != method:
        word = ", and a word by --embedding" if of == "p-plus" else ""
        raise UsageError(f"{path.name} was learned for {of}, not for {method}; give one of its own{word}.")
    return found.fit(model, path.name, force)
