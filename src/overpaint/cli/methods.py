"""``overpaint methods``: which methods there are, from their stored cards alone."""

import json
from collections.abc import Mapping
from textwrap import fill, indent
from typing import Any

import click

from overpaint.card import Need
from overpaint.errors import UsageError
from overpaint.near import nearest
from overpaint.registry import catalogue

NARROW = 110
"""Columns of a terminal below which a table would leave its sentences a word or two a line."""
MEMORY = "memory: the most of an edit with Stable Diffusion 1.5 at 512 pixels"


@click.command(short_help="List the editing methods.")
@click.option("--family", help="Only those that run on this family: sd1, sd2 or sdxl.")
@click.option("--needs", multiple=True, help=f"Only those that use this input: {', '.join(Need)}.")
@click.option("--json", "as_json", is_flag=True, help="Print the cards for programs.")
def command(family: str | None, needs: tuple[str, ...], as_json: bool) -> None:
    """List the editing methods: what each does, what it needs, where it runs, what it costs."""
    everything = catalogue()
    check("family", family, {name for card in everything.values() for name in card["families"]})
    for need in needs:
        check("input", need, {str(each) for each in Need})
    found = catalogue(family, needs)
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    elif not found:
        click.echo("No method is like that.")
    else:
        table(found)


def check(what: str, name: str | None, names: set[str]) -> None:
    """Refuse a name nothing is called by."""
    if name is not None and name not in names:
        raise UsageError(f"There is no {what} {name!r}; {nearest(name, sorted(names))}")


def table(found: Mapping[str, Mapping[str, Any]]) -> None:
    """The methods as a table as wide as the terminal, or one below the other where it is narrow."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if console.width < NARROW:
        for name, card in found.items():
            needs, families = (", ".join(card[key]) for key in ("needs", "families"))
            most = f"; memory {known}" if (known := memory(card)) else ""
            facts = f"Needs {needs}; runs on {families}; {rows(card)} rows{most}."
            click.echo(name)
            for text in (card["idea"], facts):
                click.echo(indent(fill(text, max(console.width - 2, 20)), "  "))
        click.echo(fill(MEMORY, console.width))
        return
    sheet = Table("method", "what it does", "needs", "runs on", "rows", "memory", box=None, pad_edge=False)
    for name, card in found.items():
        needs, families = (", ".join(card[key]) for key in ("needs", "families"))
        sheet.add_row(name, card["idea"], needs, families, rows(card), memory(card))
    console.print(sheet, highlight=False)
    click.echo(MEMORY)


def rows(card: Mapping[str, Any]) -> str:
    """How many rows through the network an edit takes."""
    least, most = card["rows"]
    return str(most) if least == most else f"{least} to {most}"


def memory(card: Mapping[str, Any]) -> str:
    """What an edit takes at the most."""
    return "" if card["memory"] is None else f"{card['memory'] / 1e9:.1f} GB"
