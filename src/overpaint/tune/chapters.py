"""Learning in several parts with one draft: a killed run goes on in the part where it was."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from overpaint.files.store import Draft


@dataclass
class Chapter:
    """A part of the work as a draft of its own; what earlier parts found stays in it."""

    draft: Draft
    name: str
    earlier: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """All that is in the draft of the parts before."""
    found: Mapping[str, Tensor] = field(default_factory=dict[str, Tensor])
    """What this part kept last, under the names that the draft has for it."""

    def read(self) -> Mapping[str, Tensor]:
        """What an earlier run left of this part."""
        mark = f"{self.name}/"
        return {
            key.removeprefix(mark): value for key, value in self.draft.read().items() if key.startswith(mark)
        }

    def keep(self, found: Mapping[str, Tensor]) -> None:
        """Put it down beside what the parts before found."""
        self.found = {f"{self.name}/{key}": value for key, value in found.items()}
        self.draft.keep({**self.earlier, **self.found})

    def then(self, name: str) -> "Chapter":
        """The next part, once this one is done."""
        done = self.found or {f"{self.name}/{key}": value for key, value in self.read().items()}
        return Chapter(self.draft, name, {**self.earlier, **done})
