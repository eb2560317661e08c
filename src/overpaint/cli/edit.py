"""``overpaint edit``: change a picture."""

from pathlib import Path
from typing import Any

import click

from overpaint.cli.options import PNG, SEED, Common, MethodCommand, common


@click.command(short_help="Change what a picture shows.", cls=MethodCommand)
@click.argument("picture", type=PNG)
@click.option(
    "--source", default="", help="What the picture shows; not needed where the picture says so itself."
)
@click.option("--target", default="", help="What it should show.")
@click.option("--method", default="p2p", show_default=True, help="See: overpaint methods.")
@SEED
@common(
    *("model", "device", "dtype", "threads", "cache", "output", "overwrite"),
    *("as_json", "dry_run", "maps", "strip", "preview"),
)
def command(
    picture: Path, source: str, target: str, method: str, seed: int, options: dict[str, Any], common: Common
) -> None:
    """Edit PICTURE (PNG or JPEG), so that it shows --target instead of --source."""
    from overpaint.cli.answer import source_for
    from overpaint.cli.running import perform, report
    from overpaint.job import wish

    out = common.output or picture.with_name(f"{picture.stem}-edited.png")
    request = {"source": source_for(picture, source), "target": target, "seed": seed}
    edit = perform(common, wish("edit", method, picture, request, options), out)
    if edit is not None:
        report(edit, common, out)
