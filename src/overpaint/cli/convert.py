"""``overpaint convert``: a safetensors file from a pickle."""

import json
from pathlib import Path

import click

from overpaint.cli.words import heard, one_line, say


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

    FILE is read by another process that knows tensors only: no code in it can run.
    """
    from overpaint.families.pickles import convert

    done = convert(file, output, memory=memory, seconds=seconds, overwrite=overwrite)
    wrote = one_line(f"Wrote {done.path} with {done.tensors} tensors")
    told = {"output": str(done.path), "tensors": done.tensors, "left": list(done.left)}
    click.echo(json.dumps(told) if as_json else wrote)
    if done.left and not as_json:
        click.echo(one_line(f"Left out, being no tensors: {', '.join(done.left[:8])}"))
    if not heard():
        say(wrote)
