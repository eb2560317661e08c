"""What a method is: frozen options, a card, and a body that composes parts."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from overpaint.card import Card
from overpaint.model import Model
from overpaint.network import Text
from overpaint.options import Options
from overpaint.outcome import Outcome
from overpaint.path import Latent
from overpaint.task import Task


class Method(Options, ABC):
    """An editing method. Its fields are its options; calling it edits.

    A method touches models through `Model.predict`, `Model.control` and the walks only: no network module, no
    scheduler, no tokenizer, no batch index.
    """

    card: ClassVar[Card]

    def check(self, model: Model, task: Task) -> None:
        """Refuse what cannot work, in one sentence and before the first network call."""

    def watched(self, task: Task) -> Mapping[str, Text]:
        """The rows whose attention a user may look at, by role, and the text each of them reads."""
        targets = task.targets if task.given_target is not None else {}
        return {f"{name}+": text for name, text in targets.items()}

    @abstractmethod
    def __call__(self, model: Model, task: Task) -> Latent | Outcome:
        """Edit: the latent of the result, or all there is to say about it."""
