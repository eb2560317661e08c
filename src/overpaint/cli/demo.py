"""``overpaint demo``: draw a picture, edit it, and hold the edit against the true answer."""

from pathlib import Path

import click

from overpaint.cli.options import FILE, SEED, Common, common

WHAT = "colour"
FOLDER = click.option("-o", "--output", type=FILE, help="The folder to write to.  [default: demo]")


@click.command(short_help="Edit a drawn picture and compare with the truth.")
@click.option(
    "--what", default=WHAT, show_default=True, help="What changes: kind, colour, material, ground …"
)
@click.option("--steps", type=click.IntRange(1, 1000), default=50, show_default=True, help="Denoising steps.")
@SEED
@common("model", "device", "dtype", "threads", "output", "as_json", output=FOLDER)
def command(what: str, steps: int, seed: int, common: Common) -> None:
    """Draw a picture, edit it by Prompt-to-Prompt over Direct inversion, and say how good that is.

    The demo writes over its own files.
    """
    from overpaint.cli.showing import show

    show(common, common.output or Path("demo"), what, steps, seed)
