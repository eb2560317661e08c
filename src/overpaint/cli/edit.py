"""``overpaint edit``: change a picture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from overpaint.cli.completing import METHOD
from overpaint.cli.options import FILE, SEED, Common, MethodCommand, common
from overpaint.errors import UsageError


@click.command(short_help="Change what a picture shows.", cls=MethodCommand)
@click.argument("picture", type=FILE)
@click.option(
    "--source", default="", help="What the picture shows; not needed where the picture says so itself."
)
@click.option(
    "--target",
    "targets",
    multiple=True,
    help="What it should show; several times for several pictures from one walk.",
)
@METHOD
@click.option("--onto", type=FILE, help="An earlier edit of PICTURE, which stays outside the mask.")
@click.option("--server", metavar="URL", help="Let that machine do it, where overpaint serve runs.")
@SEED
@common(
    *("model", "device", "dtype", "threads", "cache", "writing", "framing", "map", "seeking", "told"),
    *("beside", "limits", "look", "as_json", "dry_run", "maps", "mask_out", "several", "strip", "preview"),
)
def command(
    picture: Path,
    source: str,
    targets: tuple[str, ...],
    method: str,
    onto: Path | None,
    server: str | None,
    seed: int,
    options: dict[str, Any],
    common: Common,
) -> None:
    """Edit PICTURE, so that it shows --target instead of --source."""
    from overpaint.cli.early import check_early

    out = common.output or picture.with_name(f"{picture.stem}-edited.png")
    there = common if server is None else replace(common, model=None)
    check_early(there, picture, onto, out=out, results=len(targets))

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits

    if server is not None:
        from overpaint.cli.remote import Asked, check_remote, edit

        check_remote(common)
        said = source_for(picture, source, limits(common))
        edit(Asked(picture, said, one_of(targets), method, seed, options, onto), common, server, out)
        return
    from overpaint.cli.running import perform, report
    from overpaint.cli.told import told
    from overpaint.run.request import edit_request, targets_of

    within = limits(common)
    where, control = common.where, common.controls
    request = {"source": source_for(picture, source, within), **targets_of(targets or ""), "seed": seed}
    regions = told(common)
    request |= common.framing | regions.request
    if common.map is not None:
        from overpaint.cli.running import opened
        from overpaint.run.by_map import by_map, led

        found = by_map(onto or picture, common.map, opened(common), within)
        where, control = led(found, where, control)
    asked = edit_request(
        "edit",
        method,
        picture,
        request,
        options,
        where=where,
        pictures=regions.pictures,
        control=control,
        onto=onto,
        limits=within,
    )
    done = perform(common, asked, out)
    if done is not None:
        report(done, common)


def one_of(targets: tuple[str, ...]) -> str:
    """The one target of an edit on a server.

    Raises:
        UsageError: there are several.
    """
    if len(targets) > 1:
        raise UsageError("A server makes one picture at a time; give one --target with --server.")
    return "".join(targets)
