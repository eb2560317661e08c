"""Patches that can also be put on for good, as when a model is loaded with them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from threading import RLock

from overpaint.model import Model
from overpaint.neutral import neutral

BUILDING = RLock()
"""Held by whoever builds networks or gives them weights: the libraries do so by changing torch itself for a
while, which other threads must not meet."""


class Lasting(ABC):
    """A `overpaint.model.Patch` that is put on, and gives back what takes it off again."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A hash of its content."""

    @abstractmethod
    def put(self, model: Model) -> Callable[[], None]:
        """Change the model for good; the result undoes it, to the bit."""

    @contextmanager
    def apply(self, model: Model) -> Generator[None, None, None]:
        """The model with the patch; afterwards it is what it was."""
        with BUILDING, neutral():
            undo = self.put(model)
        try:
            yield
        finally:
            with BUILDING, neutral():
                undo()


def noted(model: Model, sentences: Sequence[str], undo: Callable[[], None]) -> Callable[[], None]:
    """Have a model say something for as long as what it is about is on it; the result takes both off."""
    model.notes += sentences

    def undo_and_forget() -> None:
        undo()
        for one in sentences:
            model.notes.remove(one)

    return undo_and_forget
