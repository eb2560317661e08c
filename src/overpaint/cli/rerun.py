"""``overpaint rerun``: make a picture again from the recipe inside it."""

from dataclasses import replace
from pathlib import Path

import click

from overpaint.cli.options import PNG, Common, common


@click.command(short_help="Make a picture again from the recipe inside it.")
@click.argument("picture", type=PNG)
@common("model", "output", "overwrite", "as_json", "dry_run", "maps", "strip", "preview")
def command(picture: Path, common: Common) -> None:
    """Make PICTURE again from the recipe inside it: bit for bit on the same machine and versions."""
    from overpaint.api import differences, recalled
    from overpaint.cli.running import perform, report
    from overpaint.recipe import read_recipe

    out = common.output or picture.with_name(f"{picture.stem}-rerun.png")
    told = read_recipe(picture)
    where = told.environment
    common = replace(
        common,
        model=common.model or told.model.name,
        origin=told.model.origin if common.model is None else None,
        device=where.device,
        dtype=where.dtype,
        threads=where.threads,
        cache=False,
    )
    edit = perform(common, recalled(told), out)
    if edit is not None:
        found = differences(told, edit.recipe)
        edit = replace(edit, warnings=(*edit.warnings, *found))
        report(edit, common, out, same=not found)
        if not common.as_json and not found:
            click.echo("The picture is the recorded one, bit for bit.")
