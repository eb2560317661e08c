"""``overpaint compare``: several methods on one picture, side by side."""

from collections.abc import Mapping
from pathlib import Path

import click

from overpaint.cli.bench import listed, settings
from overpaint.cli.options import FILE, SEED, Common, common
from overpaint.errors import UsageError


def gridded(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> Mapping[str, list[str]]:
    """``KEY=A,B,C`` as a mapping to values; a stretch such as ``0.2:0.6`` has no comma."""
    found = dict[str, list[str]]()
    for text in value:
        name, equals, values = text.partition("=")
        several = [one.strip() for one in values.split(",") if one.strip()]
        if not name.strip() or not equals or not several:
            raise UsageError(
                f"{text[:40]!r} is no line of a grid; write --grid KEY=A,B, as in --grid steps=20,50."
            )
        found.setdefault(name.strip().replace("-", "_"), []).extend(several)
    return {name: list(dict.fromkeys(values)) for name, values in found.items()}


FOLDER = click.option(
    "-o", "--output", type=FILE, help="The folder to write to.  [default: PICTURE-compare, beside it]"
)


@click.command("compare", short_help="Try several methods on one picture.")
@click.argument("picture", type=FILE)
@click.option(
    "--source", default="", help="What the picture shows; not needed where the picture says so itself."
)
@click.option("--target", default="", help="What it should show.")
@listed("--methods", "A,B", "What to try.  [default: all that can]")
@click.option("--grid", multiple=True, callback=gridded, metavar="KEY=A,B", help="Try each of these values.")
@click.option("--set", "sets", multiple=True, callback=settings, metavar="KEY=VALUE", help="Set an option.")
@click.option("--budget", metavar="60s", help="Begin nothing after this time.")
@listed("--words", "A,B", "Words of the target whose attention the report shows.")
@click.option("--check/--no-check", default=True, help="Ask for nothing too.  [default: --check]")
@click.option("--yes", is_flag=True, help="Do more than 200 edits.")
@click.option("--open", "show", is_flag=True, help="Show the report when it is done.")
@SEED
@common(
    *("model", "device", "dtype", "threads", "cache", "output", "overwrite", "framing", "controls", "limits"),
    *("as_json", "dry_run"),
    output=FOLDER,
)
def command(
    picture: Path,
    source: str,
    target: str,
    methods: tuple[str, ...],
    grid: Mapping[str, list[str]],
    sets: Mapping[str, str],
    budget: str | None,
    words: tuple[str, ...],
    check: bool,
    yes: bool,
    show: bool,
    seed: int,
    common: Common,
) -> int:
    """Edit PICTURE by several methods, the cheapest first, and write a report to look through.

    All that can share one inversion. The folder gets report.html, a
    contact sheet and every picture; the same command goes on where one was stopped. A method that fails is
    shown with its sentence. Cheap methods are also asked for nothing, to see what they change by themselves.
    Exit code 1: none came out; 130: stopped by Ctrl-C, with the report of what was done.
    """
    from overpaint.cli.early import check_early

    check_early(common, picture)

    from overpaint.cli.comparing import Asked, compare

    what = methods or ("all",)
    asked = Asked(picture, source, target, seed, what, grid, sets, budget, words, check, yes, show)
    return compare(asked, common)
