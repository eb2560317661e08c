"""What guides around another guide have in common."""

from dataclasses import dataclass, replace
from typing import Self

from overpaint.model import Guide


@dataclass(frozen=True)
class Around(Guide):
    """A guide with any other one inside, which it takes along to every walk."""

    guide: Guide

    @property
    def differentiates(self) -> bool:
        """As the guide inside."""
        return self.guide.differentiates

    def begin(self) -> Self:
        """The guide inside begins anew."""
        return replace(self, guide=self.guide.begin())
