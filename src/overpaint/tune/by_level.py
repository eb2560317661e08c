"""Shares of several learned things, by how noisy it is: ``300=0.4,0.6`` and ``0=0.15,0.85``."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_serializer, model_validator

from overpaint.errors import UsageError
from overpaint.options import Options


class LevelShares(Options):
    """How much each of several counts, from a training level on."""

    level: int = Field(ge=0, le=999, description="the level from which they hold, upwards")
    shares: tuple[Annotated[float, Field(ge=0, le=1000)], ...] = Field(
        min_length=1, description="one for each file, in their order; together they are made 1"
    )

    @model_validator(mode="after")
    def some(self) -> "LevelShares":
        """Refuse shares of nothing."""
        if not sum(self.shares):
            raise ValueError(f"at level {self.level} no file has a share")
        return self

    @model_serializer(mode="wrap")
    def written(self, fields: Callable[[Any], Any]) -> Any:
        """On one line, as it would be said."""
        return f"{self.level}={','.join(f'{share:.12g}' for share in self.shares)}"


def spoken(given: Any) -> Any:
    """``"300=0.4,0.6"`` as fields; what is not a text goes on as it is.

    Raises:
        ValueError: it is written otherwise.
    """
    if not isinstance(given, str):
        return given
    found = re.fullmatch(r"\s*(\d+)\s*=([^=]*)", given)
    if found is None:
        raise ValueError(f"{given!r} names no level and shares; write it as 300=0.4,0.6")
    return {"level": int(found[1]), "shares": tuple(one.strip() for one in found[2].split(","))}


def listed(given: Any) -> Any:
    """One as a list of one."""
    return [given] if isinstance(given, str | Mapping | LevelShares) else given


Levels = Annotated[
    tuple[Annotated[LevelShares, BeforeValidator(spoken)], ...],
    BeforeValidator(listed),
    Field(description="shares of several files from a training level up: 300=0.4,0.6"),
]
"""Shares by level as an option."""


def check_shares(said: Sequence[LevelShares], count: int) -> None:
    """Refuse shares that do not belong to so many files.

    Raises:
        UsageError: there are none for several, some for one, another number of them, or none at level 0.
    """
    if (count > 1) != bool(said):
        raise UsageError(
            "Several learned files need their shares; give several 0=0.5,0.5, or more levels."
            if count > 1
            else "Shares by level are for several learned files; give more than one."
        )
    wrong = next((one for one in said if len(one.shares) != count), None)
    if wrong is not None:
        raise UsageError(f"At level {wrong.level} there are {len(wrong.shares)} shares for {count} files.")
    if said and min(one.level for one in said) > 0:
        raise UsageError("No shares hold down to level 0; give some for it: 0=0.5,0.5.")


def shares_at(said: Sequence[LevelShares], level: int) -> Sequence[float]:
    """The shares at a level, together 1: those of the highest level that is not above it."""
    own = max((one for one in said if one.level <= level), key=lambda one: one.level)
    return [share / sum(own.shares) for share in own.shares]
