"""``overpaint remove``: take a thing out of a picture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from overpaint.cli.inpaint import FILLING, GROUPS, Inpainting, fill
from overpaint.cli.options import FILE, SEED, Common, common

GROW = click.option(
    "--grow",
    type=int,
    metavar="PIXELS",
    help="Widen the mask, over edge and shadow.  [default: 4]",
)


@click.command(short_help="Remove a thing from a picture.", cls=Inpainting)
@click.argument("picture", type=FILE)
@click.argument("words", default="")
@click.option("--source", default="", help="What it shows now; not needed where it says so itself.")
@click.option("--target", default="", help="What is left.  [default: the source without WORDS]")
@SEED
@common(*GROUPS, model=FILLING, grow=GROW)
def command(
    picture: Path,
    words: str,
    source: str,
    target: str,
    seed: int,
    options: dict[str, Any],
    common: Common,
) -> None:
    """Remove what WORDS call a thing from PICTURE, or what a mask covers; around it every pixel stays.

    Without a mask the model looks for WORDS in the picture.
    """
    from overpaint.cli.early import check_early

    check_early(common, picture)

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits
    from overpaint.everyday import AROUND, left_of

    said = source_for(picture, source, limits(common))
    wish = target or left_of(said, words)
    common = replace(common, grow=AROUND if common.grow is None else common.grow)
    if common.mask is None and common.mask_box is None and words:
        common = replace(common, mask_words=words)
    fill(picture, {"source": said, "target": wish, "seed": seed}, options, common, "removed")
