"""Cards: what a method needs, costs, promises and where it comes from; data that the contract probes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Need(StrEnum):
    """What a request must bring for a method to run."""

    IMAGE = "image"
    SOURCE = "source"
    TARGET = "target"
    MASK = "mask"


class Law(StrEnum):
    """What happens when source and target prompt are the same."""

    EXACT = "exact"
    """The picture comes back as its autoencoder gives it, to rounding."""
    AS_INVERSION = "as-inversion"
    """The target equals the walked-back source: the error is the inversion's."""
    NONE = "none"
    """No promise: the method does not look at the source prompt, or draws noise."""


@dataclass(frozen=True)
class Paper:
    """A publication, with what a citation needs."""

    key: str
    authors: str
    title: str
    venue: str
    year: int
    arxiv: str = ""
    code: str = ""

    def bibtex(self) -> str:
        """The BibTeX entry."""
        fields = {
            "author": self.authors,
            "title": "{" + self.title + "}",
            "booktitle": self.venue,
            "year": str(self.year),
            "eprint": self.arxiv,
            "archiveprefix": "arXiv" if self.arxiv else "",
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@inproceedings{{{self.key},", *lines, "}"])


@dataclass(frozen=True)
class Cost:
    """Work of an edit as (least, most): network rows and backward passes, inversions not cached."""

    rows: tuple[int, int] = (0, 0)
    backwards: tuple[int, int] = (0, 0)

    @staticmethod
    def of(rows: int, backwards: int = 0) -> "Cost":
        """A cost known exactly."""
        return Cost((rows, rows), (backwards, backwards))

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            (self.rows[0] + other.rows[0], self.rows[1] + other.rows[1]),
            (self.backwards[0] + other.backwards[0], self.backwards[1] + other.backwards[1]),
        )


@dataclass(frozen=True)
class Card:
    """One method's declaration."""

    name: str
    idea: str
    """One plain sentence."""
    papers: tuple[Paper, ...]
    needs: frozenset[Need]
    families: Mapping[str, Mapping[str, Any]]
    """Supported families, each with the options that differ there."""
    cost: Callable[[Any], Cost] = field(repr=False)
    """From the method's options to its cost."""
    law: Law
    optional: frozenset[Need] = frozenset()
    random: bool = False
    """Whether another seed gives another picture."""
    published: str = ""
    """Figures the authors or the benchmark state, with their source."""
