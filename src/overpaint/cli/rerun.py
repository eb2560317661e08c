"""``overpaint rerun``: make a picture again from the recipe inside it."""

from dataclasses import replace
from pathlib import Path

import click

from overpaint.cli.options import FILE, Common, common
from overpaint.errors import UsageError

MODEL = click.option("--model", help="A name, folder, file or id of the Hub.  [default: the recipe's]")


@click.command(short_help="Make a picture again from the recipe inside it.")
@click.argument("picture", type=FILE)
@common(
    *("model", "offload", "writing", "limits", "as_json", "dry_run"),
    *("maps", "mask_out", "several", "strip", "preview"),
    model=MODEL,
)
def command(picture: Path, common: Common) -> None:
    """Make PICTURE again from the recipe inside it: bit for bit on the same machine and versions."""
    from overpaint.cli.early import check_early, check_sources
    from overpaint.cli.facts import limits
    from overpaint.images.encoding import FORMATS
    from overpaint.images.recipe import read_recipe

    check_additions(common)
    same = picture.suffix if picture.suffix.lower() in FORMATS else ".png"
    out = common.output or picture.with_name(f"{picture.stem}-rerun{same}")
    check_early(common, picture, out=out)
    within = limits(common)
    told = read_recipe(picture, limits=within)
    check_sources(told, common)

    from overpaint.api import differences
    from overpaint.cli.running import perform, report
    from overpaint.run.recalled import recalled

    where = told.environment
    common = replace(
        common,
        model=told.model.name if common.model is None else common.model,
        origin=told.model.origin if common.model is None else None,
        device=where.device,
        dtype=where.dtype,
        threads=where.threads,
        at_once=where.at_once,
        offload=common.offload or where.offload,
        cache=False,
    )
    done = perform(common, recalled(told, limits=within), out)
    if done is not None:
        found = differences(told, done.edit.recipe)
        edit = replace(done.edit, warnings=(*done.edit.warnings, *found))
        report(replace(done, edit=edit), common, same=not found)
        if not common.as_json and not found:
            click.echo("The picture is the recorded one, bit for bit.")


def check_additions(common: Common) -> None:
    """Refuse additions to the recipe's own model: a rerun with them would be another edit.

    Raises:
        UsageError: there are some, and no model is named.
    """
    said = {
        "--lora": common.loras,
        "--embedding": common.embeddings,
        "--prediction": common.prediction,
        "--tokenizer": common.tokenizer,
    }
    given = next((flag for flag, value in said.items() if value), None)
    if common.model is None and given is not None:
        raise UsageError(
            f"The recipe says what its own model is loaded with; leave out {given}, or name a model with "
            "--model to add to."
        )
