"""``overpaint edit``: change a picture."""

from pathlib import Path
from typing import Any

import click

from overpaint.cli.options import FILE, SEED, Common, MethodCommand, common


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
@click.option("--method", default="p2p", show_default=True, help="See: overpaint methods.")
@SEED
@common(
    *("model", "device", "dtype", "threads", "cache", "writing", "framing", "map", "seeking", "beside"),
    *("limits", "look", "as_json", "dry_run", "maps", "mask_out", "several", "strip", "preview"),
)
def command(
    picture: Path,
    source: str,
    targets: tuple[str, ...],
    method: str,
    seed: int,
    options: dict[str, Any],
    common: Common,
) -> None:
    """Edit PICTURE, so that it shows --target instead of --source."""
    from overpaint.cli.early import check_early

    out = common.output or picture.with_name(f"{picture.stem}-edited.png")
    check_early(common, picture, out=out, results=len(targets))

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits
    from overpaint.cli.running import perform, report
    from overpaint.run.request import edit_request, targets_of

    within = limits(common)
    where, control = common.where, common.controls
    request = {"source": source_for(picture, source, within), **targets_of(targets or ""), "seed": seed}
    request |= common.framing
    if common.map is not None:
        from overpaint.cli.running import opened
        from overpaint.run.by_map import by_map, led

        found = by_map(picture, common.map, opened(common), within)
        where, control = led(found, where, control)
    asked = edit_request(
        "edit",
        method,
        picture,
        request,
        options,
        where=where,
        control=control,
        limits=within,
    )
    done = perform(common, asked, out)
    if done is not None:
        report(done, common)
