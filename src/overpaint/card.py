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
    CONTROL = "control"
    EXAMPLES = "examples"
    REGIONS = "regions"


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
    """Where the authors' code is, if they gave it out."""
    licence: str = ""
    """Of that code, as SPDX names it; ``none stated`` where none is, so that nothing of it may be used."""

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


Range = tuple[int, int]
"""The least and the most."""


@dataclass(frozen=True)
class Cost:
    """Work of an edit as (least, most), inversions and learned things not found in a cache."""

    rows: Range = (0, 0)
    """Rows that go through the denoiser."""
    backwards: Range = (0, 0)
    """Backward passes."""
    sides: Range = (0, 0)
    """Rows that go through side networks."""
    looks: Range = (0, 0)
    """Pictures shown to CLIP."""
    decodes: Range = (0, 0)
    """Pictures that the autoencoder decodes on the way, the result aside."""
    updates: Range = (0, 0)
    """Steps of an optimiser."""
    depth: int = 1
    """Graphs of the denoiser alive at once where there are backward passes: memory of so many rows."""

    @staticmethod
    def of(rows: int, backwards: int = 0, **more: int) -> "Cost":
        """A cost known exactly."""
        depth = more.pop("depth", 1)
        exact = {name: (value, value) for name, value in more.items()}
        return Cost((rows, rows), (backwards, backwards), **exact, depth=depth)

    def __add__(self, other: "Cost") -> "Cost":
        sums = {name: _sum(getattr(self, name), getattr(other, name)) for name in KINDS}
        return Cost(**sums, depth=max(self.depth, other.depth))

    def __or__(self, other: "Cost") -> "Cost":
        """What it takes where it is one or the other."""
        both = {name: (getattr(self, name), getattr(other, name)) for name in KINDS}
        spans = {name: (min(a[0], b[0]), max(a[1], b[1])) for name, (a, b) in both.items()}
        return Cost(**spans, depth=max(self.depth, other.depth))


KINDS = ("rows", "backwards", "sides", "looks", "decodes", "updates")
"""What is counted, by the meter and on cards."""


def _sum(one: Range, other: Range) -> Range:
    return one[0] + other[0], one[1] + other[1]


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
    further: Callable[[Any], Cost] | None = field(default=None, repr=False)
    """From its options to what each further target costs; nothing where it takes one target alone."""
    target_or: str = ""
    """The option that may stand in for a target prompt, where that alone makes the prompt optional."""
    prompts_into: str = ""
    """The option that takes the target prompt where nothing is said for it; the target does nothing else."""
    pictures: frozenset[str] = frozenset()
    """Names of further pictures that it looks at where they are given."""
    finds_mask: Callable[[Any], bool] = field(default=lambda _: False, repr=False)
    """Whether a method with these options finds where the picture may change, so that one can look at it."""
    sees: bool = False
    """Whether it cannot work without CLIP, the model's own or one that is named."""
    results: Callable[[Any], int] = field(default=lambda _: 1, repr=False)
    """How many results a method with these options gives."""
    layers: Callable[[Any], frozenset[str]] = field(default=lambda _: frozenset[str](), repr=False)
    """Names of the pictures with opacity that it gives beside them."""
    random: bool = False
    """Whether another seed gives another picture."""
    published: str = ""
    """Figures the authors or the benchmark state, with their source."""
    shipped: str = ""
    """What suits the small model that is shipped and why, or that it stays bad there."""
    official: Cost | None = None
    """What the authors' code asks of the network, at its own defaults, if there is such code."""
    trial: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Options with which a quick try shows what the method does: small numbers, samples of words."""
