"""Choosing among methods: what did best on such edits is tried, and what likeliest came off is given."""

from typing import ClassVar

from pydantic import Field

from overpaint.card import Card, Cost, Law, Need
from overpaint.choosing.choices import Type
from overpaint.errors import UsageError
from overpaint.method import Method
from overpaint.model import Model
from overpaint.path import Latent
from overpaint.task import Task


class Auto(Method):
    """No method of its own, so it is not in the list: `overpaint.run.auto` puts others in its place."""

    card: ClassVar[Card] = Card(
        name="auto",
        idea="Try what did best on such edits, and give the one that most likely came off.",
        papers=(),
        needs=frozenset({Need.IMAGE, Need.SOURCE, Need.TARGET}),
        families={name: {} for name in ("sd1", "sd2", "sdxl")},
        cost=lambda _: Cost(),
        law=Law.NONE,
    )
    candidates: int = Field(default=3, ge=1, le=8, description="methods that are tried at most")
    type: Type | None = Field(default=None, description="the type of edit; by itself what the prompts say")

    def __call__(self, model: Model, task: Task) -> Latent:
        """Refuse: others stand in its place before anything is called.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "The method 'auto' chooses among others; ask for it by overpaint.edit, method='auto'."
        )
