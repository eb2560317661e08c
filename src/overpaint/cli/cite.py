"""``overpaint cite``: whom to thank for a picture."""

from pathlib import Path

import click

from overpaint.cli.options import PNG


@click.command(short_help="Print whom to cite for a picture.")
@click.argument("picture", type=PNG)
def command(picture: Path) -> None:
    """Print the BibTeX entries of what PICTURE was made with."""
    from overpaint.api import cite

    click.echo(cite(picture))
