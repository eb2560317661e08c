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
@click.option("--target", default="", help="What it should show.")
@click.option("--method", default="p2p", show_default=True, help="See: overpaint methods.")
@SEED
@common(
    *("model", "device", "dtype", "threads", "cache", "writing", "framing", "seeking", "beside", "limits"),
    *("look", "as_json", "dry_run", "maps", "mask_out", "several", "strip", "preview"),
)
def command(
    picture: Path, source: str, target: str, method: str, seed: int, options: dict[str, Any], common: Common
) -> None:
    """Edit PICTURE, so that it shows --target instead of --source."""
    from overpaint.cli.early import check_early

    out = common.output or picture.with_name(f"{picture.stem}-edited.png")
    check_early(common, picture, out=out)

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits
    from overpaint.cli.running import perform, report
    from overpaint.run.request import edit_request

    within = limits(common)
    request = {"source": source_for(picture, source, within), "target": target, "seed": seed}
    request |= common.framing
    asked = edit_request(
        "edit",
        method,
        picture,
        request,
        options,
        where=common.where,
        control=common.controls,
        limits=within,
    )
    done = perform(common, asked, out)
    if done is not None:
        report(done, common)
