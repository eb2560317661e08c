"""``overpaint outpaint``: extend a picture beyond its edges."""

from pathlib import Path
from typing import Any

import click

from overpaint.cli.inpaint import FILLING, GROUPS, Inpainting, fill
from overpaint.cli.options import FILE, SEED, Common, common
from overpaint.errors import UsageError


@click.command(short_help="Extend a picture beyond its edges.", cls=Inpainting)
@click.argument("picture", type=FILE)
@click.option("--target", default="", help="What it should show.  [default: what it says it shows]")
@SEED
@common("extend", *GROUPS, model=FILLING)
def command(picture: Path, target: str, seed: int, options: dict[str, Any], common: Common) -> None:
    """Add pixels to the sides of PICTURE that --extend names, and paint them; what it showed stays."""
    from overpaint.cli.early import check_early

    check_early(common, picture)

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits

    if common.extend is None:
        raise UsageError("Say by how many pixels to extend the picture: --extend left=64,top=0.")
    wish = target or source_for(picture, "", limits(common))
    if not wish:
        raise UsageError("The picture does not say what it shows; say it by --target.")
    fill(picture, {"source": "", "target": wish, "seed": seed}, options, common, "outpainted")
