"""``overpaint convert``: a safetensors file from a pickle."""

import json
from pathlib import Path

import click

from overpaint.cli.words import heard, one_line, say

SHOWN = 8
"""Names of what was left out that are printed; --json has them all."""


@click.command(short_help="Write a safetensors file from a .ckpt, .pt, .pth or .bin.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The file to write.  [default: beside it]"
)
@click.option(
    "--memory", type=click.FloatRange(0.1, 10_000), help="Gigabytes it may take.  [default: 3 × FILE + 1]"
)
@click.option(
    "--seconds", type=click.IntRange(1, 100_000), default=600, show_default=True, help="It may work."
)
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@click.option("--json", "as_json", is_flag=True, help="What was written, for programs.")
def command(
    file: Path, output: Path | None, memory: float | None, seconds: int, overwrite: bool, as_json: bool
) -> None:
    """Write the tensors of FILE to a safetensors file.

    FILE is read by another process that builds tensors only: no code in it can run. Classes that it names are
    stood in for; what it wants called is refused by name.
    """
    from overpaint.families.pickles import convert

    done = convert(file, output, memory=memory, seconds=seconds, overwrite=overwrite)
    wrote = one_line(f"Wrote {done.path} with {done.tensors} tensors")
    told = {"output": str(done.path), "tensors": done.tensors, "left": done.left, "stand_ins": done.stand_ins}
    click.echo(json.dumps(told) if as_json else wrote)
    for what, names in (
        ("Left out, being no tensors", done.left),
        ("Stood in for, running nothing", done.stand_ins),
    ):
        if names and not as_json:
            more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
            click.echo(one_line(f"{what}: {', '.join(names[:SHOWN])}{more}"))
    if not heard():
        say(wrote)
