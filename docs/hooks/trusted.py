"""What scores are worth and what choosing by them achieves, put into their page from learned data."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files

KEPT = Path(__file__).parents[1] / "trusted-scores.json"
ALL, SAME = "all", "same picture"
ABREAST = 5
"""Types of edit in one table."""
SIDE, EDGE = 240, 34
"""Units of the plot's square, and of the margin for its numbers."""
Worth = Mapping[str, Any]


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Put in what was learned."""
    if "<!-- learned: " not in markdown or not KEPT.exists():
        return markdown
    found: Worth = json.loads(KEPT.read_text(encoding="utf-8"))
    parts = {"signals": signals, "types": types, "calibration": calibration, "chosen": chosen, "goals": goals}
    for name, part in parts.items():
        markdown = markdown.replace(f"<!-- learned: {name} -->", "\n".join(part(found)))
    return markdown.replace("<!-- learned: cases -->", f"{found['edits']} edits of {found['cases']} cases")


def signals(found: Worth) -> Iterator[str]:
    """Every signal with its area over all edits."""
    yield table(["score", "area (95 %)", "of one picture (95 %)", "what it is"])
    for one in found["signals"]:
        cells = [area(one["areas"][kind]) if kind in one["areas"] else "" for kind in (ALL, SAME)]
        yield line([f"`{one['name']}`", *cells, one["meaning"]])


def types(found: Worth) -> Iterator[str]:
    """The areas by type of edit with their intervals, a few types to a table so that it can be read."""
    kinds = [kind for kind in found["signals"][0]["areas"] if kind not in (ALL, SAME)]
    for start in range(0, len(kinds), ABREAST):
        few = kinds[start : start + ABREAST]
        yield table(["score", *few])
        for one in found["signals"]:
            cells = [short(one["areas"][kind]) if kind in one["areas"] else "" for kind in few]
            yield line([f"`{one['name']}`", *cells])
        yield ""


def chosen(found: Worth) -> Iterator[str]:
    """What choosing achieved, over all and by type."""
    by = found["chosen"]
    yield table(["", "comes off (95 %)", "cost in edits"])
    yield line(["chosen, by halves", mean(by["auto"]), f"{by['cost']:.2f}"])
    yield line([f"always {by['fixed'][0]}", mean(by["fixed"][1]), "1.00"])
    yield line(["the best of each type, were it known", mean(by["single"]), ""])
    yield line(["the best of each case, by its true answer", mean(by["oracle"]), ""])
    yield ""
    for title, name in (("Said to have failed, and did", "doubted"), ("Failed, and said so", "caught")):
        one = by[name]
        yield f"{title}: " + ("none" if one is None else f"{mean(one)} of {one['cases']}") + "."
    yield ""
    yield table(["type", "chosen (95 %)", "best single method", "comes off (95 %)"])
    for kind, (ours, title, one) in by["by_type"].items():
        yield line([kind, mean(ours), title, mean(one)])


def goals(found: Worth) -> Iterator[str]:
    """What choosing should achieve, met or not."""
    yield table(["goal", "found", "met"])
    for one in found["goals"]:
        yield line([one["wanted"], one["found"], "yes" if one["met"] else "no"])


def calibration(found: Worth) -> Iterator[str]:
    """How often edits came off against the chance they were given, with intervals, as a drawing."""
    size = SIDE + 2 * EDGE
    yield f'<svg viewBox="0 0 {size} {size}" width="{size}" role="img" fill="currentColor" font-size="11"'
    yield ' aria-label="How often edits came off, by the chance they were given">'
    yield f'<path d="M{x(0)} {y(0)}H{x(1)}M{x(0)} {y(0)}V{y(1)}" stroke="currentColor" fill="none"/>'
    yield f'<path d="M{x(0)} {y(0)}L{x(1)} {y(1)}" stroke="currentColor" stroke-dasharray="4" opacity=".5"/>'
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield f'<text x="{x(tick)}" y="{y(0) + 14}" text-anchor="middle">{tick:g}</text>'
        yield f'<text x="{x(0) - 5}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>'
    for one in found["bins"]:
        low, high = wilson(one["came"], one["cases"])
        place = x(one["said"])
        yield f'<path d="M{place} {y(low)}V{y(high)}" stroke="currentColor"/>'
        yield f'<circle cx="{place}" cy="{y(one["came"])}" r="4"/>'
    yield f'<text x="{x(0.5)}" y="{size - 4}" text-anchor="middle">chance given</text>'
    yield f'<text x="{x(0) + 4}" y="{y(1) - 8}">came off</text>'
    yield "</svg>"


def x(value: float) -> float:
    """Where a chance stands."""
    return round(EDGE + SIDE * value, 1)


def y(value: float) -> float:
    """Where a share stands."""
    return round(EDGE + SIDE * (1 - value), 1)


def wilson(share: float, cases: int) -> tuple[float, float]:
    """The middle 95 % of a share (E. B. Wilson, 1927)."""
    more = 1.96**2 / cases
    middle, half = share + more / 2, 1.96 * (share * (1 - share) / cases + more / 4 / cases) ** 0.5
    return max(0.0, (middle - half) / (1 + more)), min(1.0, (middle + half) / (1 + more))


def area(one: Sequence[float]) -> str:
    """An area with its interval."""
    return f"{one[0]:.2f} ({one[1]:.2f} to {one[2]:.2f})"


def short(one: Sequence[float]) -> str:
    """The same where there is little room."""
    return f"{one[0]:.2f} ({one[1]:.2f}-{one[2]:.2f})"


def mean(one: Mapping[str, float]) -> str:
    """A share with its interval."""
    return f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


def table(cells: Sequence[str]) -> str:
    """The head of a table."""
    return f"{line(cells)}\n{line(['---'] * len(cells))}"


def line(cells: Sequence[str]) -> str:
    """A line of one."""
    return f"| {' | '.join(cells)} |"
