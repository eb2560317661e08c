"""``overpaint models``: which models there are, and what is wrong with one."""

import json
from pathlib import Path

import click

from overpaint.cli.groups import Group
from overpaint.cli.words import one_line
from overpaint.errors import OverpaintError
from overpaint.files.sizes import amount


@click.group(cls=Group, short_help="List models, or check one.", invoke_without_command=True)
@click.option(
    "--in", "folders", type=click.Path(path_type=Path), multiple=True, help="Look through this folder too."
)
@click.option("--json", "as_json", is_flag=True, help="The list for programs.")
@click.pass_context
def command(ctx: click.Context, folders: tuple[Path, ...], as_json: bool) -> None:
    """List the models on this machine.

    Those that are shipped, those in the cache of the Hub, those in the folders OVERPAINT_MODELS names, and
    those in the folders given by --in; LoRAs, learned words and files to convert among them.
    """
    if ctx.invoked_subcommand is not None:
        return
    from overpaint.families.listing import listed

    found = list(listed(folders))
    if as_json:
        click.echo(json.dumps([{**vars(one), "path": str(one.path)} for one in found]))
        return
    rows = [("name", "kind", "family", "size", "licence", "path")] + [
        (one.name, one.kind, one.family or "-", amount(one.size), one.licence or "-", str(one.path))
        for one in found
    ]
    cells = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(5)]
    for row in cells:
        click.echo(
            "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        )


@command.command(short_help="Say what is missing or odd about a model.")
@click.argument("model")
@click.option("--tokenizer", metavar="FOLDER", help="For a checkpoint in one file.")
@click.option(
    "--trial/--no-trial", default=True, help="Load it and call its network once.  [default: --trial]"
)
@click.option("--json", "as_json", is_flag=True, help="The problems for programs.")
@click.pass_context
def check(ctx: click.Context, model: str, tokenizer: str | None, trial: bool, as_json: bool) -> None:
    """Say what is missing or odd about MODEL: a name, folder, file or id of the Hub.

    Ends with exit code 1 if there is something, and with 2 if there is no such model or it is none.
    """
    from overpaint.families.locate import place_of
    from overpaint.files.weightfile import PICKLES

    try:
        place = place_of(model)

        from overpaint.families.checkup import problems  # late: it imports the network libraries

        found = problems(place, tokenizer, trial)
    except OverpaintError as error:
        if Path(model).suffix.lower() not in PICKLES or not Path(model).is_file():
            raise
        found = [str(error)]  # it may be a model, of a kind that is not read
    if as_json:
        click.echo(json.dumps({"model": model, "problems": found}))
    else:
        for sentence in found or [f"Nothing is wrong with {model}."]:
            click.echo(one_line(sentence))
    ctx.exit(1 if found else 0)
