"""What the kept benchmark says of methods, put into their pages and into the page that helps to choose."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

KEPT = Path(__file__).parents[1] / "bench"
ALL, SUCCESS = "all", "success"
GIVEN = ("", " given region", " given concepts")
"""Behind the title of what was given the true region as a mask, or both prompts as concepts."""
PUBLISHED = " tuned=published"
"""Behind the title of a method as it was published, where the model suggests something else."""
COMPARED = GIVEN[::2]
"""Titles that end in no other way are compared: to know the true region is an advantage."""
BEST = 3
"""Methods that are named for each type of edit."""
LEAST = {False: 10, True: 100}
"""Cases from which on a method is named: of a type, and of all types."""
MARK = "<!-- choices -->"
COMBINED, HEAD = "<!-- combinations -->", "Inversions under methods:"
"""Where the table of inversions under methods goes, and what stands over it where it is kept."""
NONE = "Nothing was measured yet; `overpaint bench publish` keeps what was."
Figures = Mapping[tuple[str, str], Mapping[str, str]]
"""By type and figure the line of the table."""


def rows() -> dict[str, Figures]:
    """What was measured of methods as they are, by title; floors and ceilings have no rows of the network.

    Of several versions of the code that with the most cases. What needs a mask was given the true region,
    what goes by concepts both prompts as such.
    """
    place = KEPT / "table.csv"
    found = dict[str, dict[tuple[str, str], Mapping[str, str]]]()
    if place.exists():
        for line in csv.DictReader(place.read_text(encoding="utf-8").splitlines()):
            plain = f"{line['method']} {line['inversion']}".strip()
            if ending(line["title"], plain) is not None:
                found.setdefault(line["title"], {})[line["type"], line["figure"]] = line
    best = dict[str, Figures]()
    for title, figures in sorted(found.items(), key=lambda one: -cases(one[1], ALL)):
        if (ALL, "rows") in figures:
            best.setdefault(bare(title), figures)
    return {title: best[title] for title in dict.fromkeys(map(bare, found)) if title in best}


def bare(title: str) -> str:
    """A title without the version that tells it from others."""
    return title.partition(" (code ")[0]


def ending(title: str, plain: str) -> str | None:
    """What stands behind a method and its inversion; nothing where that sets an option of its own."""
    end = bare(title).removeprefix(plain)
    return end if end in (*GIVEN, *(PUBLISHED + one for one in GIVEN)) else None


def compared(title: str, figures: Figures) -> bool:
    """Whether a row is one of those among which a method is chosen."""
    line = figures[ALL, SUCCESS]
    return ending(title, f"{line['method']} {line['inversion']}".strip()) in COMPARED


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Add what was measured."""
    found, place = rows(), str(page.file.src_uri)
    if place.startswith("methods/") and place != "methods/index.md":
        own = {title: figures for title, figures in found.items() if title.split()[0] == Path(place).stem}
        return markdown + "\n".join(section(own)) if own else markdown
    found = {title: figures for title, figures in found.items() if compared(title, figures)}
    markdown = markdown.replace(COMBINED, combined())
    return markdown.replace(MARK, "\n".join(choices(found)) if found else NONE)


def combined() -> str:
    """Every inversion under every editor that takes several, as it is kept."""
    place = KEPT / "combinations" / "table.md"
    return place.read_text(encoding="utf-8").partition(HEAD)[2].strip() if place.exists() else NONE


def section(own: Mapping[str, Figures]) -> Iterator[str]:
    """What a method achieves on Still Life."""
    kinds = types(own.values())
    yield from ("", "", "## On Still Life", "")
    yield "The share of edits that come off, by type, with all options at their defaults for this model,"
    yield "or with those that were published where a row says so (`tuned=published`)"
    yield "([what counts](../benchmark.md#figures), [all figures and pictures](../bench/index.html)):"
    yield from ("", head(["", "cases", "all", *kinds, "rows"]))
    for title, figures in own.items():
        cells = [mean(figures, kind, SUCCESS) for kind in kinds]
        work = f"{float(figures[ALL, 'rows']['mean']):.0f}"
        yield row([title, figures[ALL, SUCCESS]["cases"], whole(figures), *cells, work])
    usual = [figures for title, figures in own.items() if PUBLISHED not in title]
    figures = max(usual or own.values(), key=lambda one: value(one, ALL))
    enough = [kind for kind in kinds if cases(figures, kind) >= LEAST[False]]
    order = sorted(enough, key=lambda kind: -value(figures, kind))
    best = f"Best at {named(figures, order[:3])}; worst at {named(figures, order[-3:])}."
    yield from ("", best if order else "So few cases do not say what it is good at.", "")
    strips = {title: KEPT / "pictures" / f"{one[ALL, SUCCESS]['row']}.webp" for title, one in own.items()}
    for title, strip in strips.items():
        if strip.exists():
            yield from (
                f"`{title}`:",
                "",
                f"![The first cases by {title}](../bench/pictures/{strip.name})",
                "",
            )
    if any(strip.exists() for strip in strips.values()):
        yield "The first case of each type, unpicked; [beside the true answers](../bench/index.html)."
        yield ""


def choices(found: Mapping[str, Figures]) -> Iterator[str]:
    """For each type the methods that do best, and the one of fewest rows that is not clearly worse."""
    yield head(["type of edit", *(f"{k + 1}." for k in range(BEST)), "fewest rows, as good by what is known"])
    for kind in (ALL, *types(found.values())):
        there = {
            title: figures for title, figures in found.items() if cases(figures, kind) >= LEAST[kind == ALL]
        }
        if not there:
            continue
        order = sorted(there, key=lambda title: -value(there[title], kind))
        least = float(there[order[0]][kind, SUCCESS]["low"])
        good = [title for title in order if value(there[title], kind) >= least]
        quick = min(good, key=lambda title: float(there[title][ALL, "rows"]["mean"]))
        best = [f"{linked(title)} {mean(there[title], kind, SUCCESS)}" for title in order[:BEST]]
        work = float(there[quick][ALL, "rows"]["mean"])
        yield row([kind, *best, *[""] * (BEST - len(best)), f"{linked(quick)}, {work:.0f} rows"])


def types(found: Any) -> list[str]:
    """The types of edit, as they came."""
    return [kind for kind in dict.fromkeys(kind for one in found for kind, _ in one) if kind != ALL]


def value(figures: Figures, kind: str) -> float:
    """The share of successes."""
    line = figures.get((kind, SUCCESS))
    return -1.0 if line is None else float(line["mean"])


def cases(figures: Figures, kind: str) -> int:
    """How many cases of a type were measured."""
    line = figures.get((kind, SUCCESS))
    return 0 if line is None else int(line["cases"])


def mean(figures: Figures, kind: str, figure: str) -> str:
    """A mean for people."""
    line = figures.get((kind, figure))
    return "" if line is None else f"{float(line['mean']):.2f}"


def whole(figures: Figures) -> str:
    """The share over all types with its interval."""
    line = figures[ALL, SUCCESS]
    return f"{float(line['mean']):.2f} ({float(line['low']):.2f} to {float(line['high']):.2f})"


def named(figures: Figures, kinds: Sequence[str]) -> str:
    """Types with their shares."""
    return ", ".join(f"{kind} ({mean(figures, kind, SUCCESS)})" for kind in kinds)


def linked(title: str) -> str:
    """A row's title that leads to its method."""
    return f"[{title}](methods/{title.split()[0]}.md)"


def head(cells: Sequence[str]) -> str:
    """The head of a table."""
    return f"{row(cells)}\n{row(['---'] * len(cells))}"


def row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"
