"""``python -m tests.corpus``: the corpus by kind, counted in a table, then every case by its name."""

from collections.abc import Iterator, Mapping
from textwrap import fill

from tests.corpus import (
    test_added,
    test_concepts,
    test_masks,
    test_names,
    test_pictures,
    test_recipes,
    test_weights,
    test_words,
)
from tests.corpus.kit import Case, Fine

PARTS: dict[str, dict[str, Case]] = {
    "pictures": test_pictures.ALL,
    "names and places": test_names.READ | test_names.WRITE,
    "masks": test_masks.MASKS,
    "prompts": test_words.PROMPTS,
    "numbers": test_words.NUMBERS,
    "options": test_words.OPTIONS,
    "methods that do not suit": test_concepts.UNSUITED,
    "concepts": test_concepts.CONCEPTS,
    "directions": test_concepts.DIRECTIONS,
    "models": test_weights.ALL,
    "adapters and words": test_added.ADDED,
    "pickles": test_added.PICKLES,
    "recipes": test_recipes.CASES,
}


def table() -> str:
    """How many cases there are of each kind, how many of them work, and how many are refused."""
    every = {f"{kind}: {name}": case for kind, cases in PARTS.items() for name, case in cases.items()}
    lines = ["| kind | cases | of them work | of them answered in a sentence |", "|---|---|---|---|"]
    for kind, cases in [*PARTS.items(), ("all", every)]:
        fine = len(list(names(cases, works=True)))
        lines.append(f"| {kind} | {len(cases)} | {fine} | {len(cases) - fine} |")
    return "\n".join(lines)


def names(cases: Mapping[str, Case], works: bool) -> Iterator[str]:
    """The cases that must succeed, or those that must not."""
    return (name for name, (_, expected) in cases.items() if (expected is Fine) == works)


def listed() -> str:
    """Every case by its name."""
    parts: list[str] = []
    for kind, cases in PARTS.items():
        parts.append(f"### {kind.capitalize()}")
        for title, works in (("Work", True), ("Answered in a sentence", False)):
            found = "; ".join(names(cases, works))
            parts += [fill(f"**{title}:** {found}.", 120, break_on_hyphens=False)] if found else []
    return "\n\n".join(parts)


def report() -> str:
    """What the documentation holds."""
    return f"{table()}\n\n## Every case\n\n{listed()}"


if __name__ == "__main__":
    print(report())
