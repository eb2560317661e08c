"""What inversions were published in, and the figures published of them, put into their page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from pydantic import TypeAdapter

from overpaint.bench.pie.published import HEADS, TABLE, Published
from overpaint.card import Paper
from overpaint.inversions import NAMES, AnyInversion

MARK = "<!-- inversions -->"
VARIANTS = ({}, {"proximal": "l0"}, {"averaged": "last", "iterations": 2})
"""Options under which some inversions rest on further papers."""
SHOWN = ("structure ×1000", "PSNR", "LPIPS ×1000", "CLIP")


def on_page_markdown(markdown: str, *, page: Any, config: MkDocsConfig, files: Files) -> str:
    """Put in the table."""
    return markdown.replace(MARK, "\n".join(table())) if MARK in markdown else markdown


def table() -> Iterator[str]:
    """A line for each inversion."""
    yield f"| inversion | published in | PIE-Bench under `p2p`: {', '.join(SHOWN)} |"
    yield "|---|---|---|"
    for name in NAMES:
        yield f"| `{name}` | {'; '.join(map(cited, papers(name)))} | {figures(name)} |"


def papers(name: str) -> list[Paper]:
    """The papers of an inversion and of its variants, each once."""
    found = dict[str, Paper]()
    for said in VARIANTS:
        fields = {"name": name, **said}
        kind = type(TypeAdapter[Any](AnyInversion).validate_python({"name": name}))
        if set(said) <= set(kind.model_fields):
            found |= {paper.key: paper for paper in kind.model_validate(fields).papers}
    return list(found.values())


def cited(paper: Paper) -> str:
    """A paper with its code and that code's licence."""
    title = f"[{paper.title}](https://arxiv.org/abs/{paper.arxiv})" if paper.arxiv else paper.title
    code = f" ([code]({paper.code}), licence: {paper.licence})" if paper.code else ""
    return f"{title}, {paper.year}{code}"


def figures(name: str) -> str:
    """What was published of it under Prompt-to-Prompt, by whom it was published."""
    rows = [one for one in TABLE if one.inversion == name and one.method == "p2p"]
    told = ((numbers(one), ", ".join(filter(None, [one.name, one.how, one.source]))) for one in rows)
    return "<br>".join(f"{values} ({source})" for values, source in told)


def numbers(row: Published) -> str:
    """The figures that are shown."""
    own = dict(zip(HEADS, row.cells, strict=True))
    return ", ".join(own[name] for name in SHOWN)
