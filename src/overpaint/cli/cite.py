"""``overpaint cite``: whom to thank for a picture."""

from pathlib import Path

import click

from overpaint.cli.options import FILE, Common, common


@click.command(short_help="Print whom to cite for a picture.")
@click.argument("picture", type=FILE)
@common("limits")
def command(picture: Path, common: Common) -> None:
    """Print the BibTeX entries of what PICTURE was made with."""
    from overpaint.cli.facts import limits
    from overpaint.images.recipe import read_recipe

    told = read_recipe(picture, limits=limits(common))

    from overpaint.api import cite  # late: it imports the network libraries

    click.echo(cite(told))
