"""``overpaint doctor``: what is wrong with this machine, if anything, and how to mend it."""

import json
from typing import Any

import click

from overpaint.cli.words import one_line
from overpaint.files.sizes import amount


@click.command(short_help="Look for what is wrong here, and how to mend it.")
@click.option("--json", "as_json", is_flag=True, help="What was found, for programs.")
def command(as_json: bool) -> int:
    """Look at versions, device, memory, disk, threads, cache and model, and make a short edit.

    Ends with exit code 0 if all is well, 1 otherwise.
    """
    from overpaint.cli.running import quiet
    from overpaint.doctor import diagnose

    with quiet():
        found = diagnose()
    wrong = [sentence for one in found for sentence in one.wrong]
    if as_json:
        click.echo(json.dumps({"well": not wrong, "found": [one.model_dump() for one in found]}))
        return 1 if wrong else 0
    for one in found:
        facts = ", ".join(f"{name}: {told(name, value)}" for name, value in one.facts.items())
        click.echo(f"{one.area:<9} {one_line(facts) or 'not known'}")
        for sentence in one.wrong:
            click.echo(f"  ! {one_line(sentence)}")
    click.echo("All is well." if not wrong else f"{len(wrong)} to mend.")
    return 1 if wrong else 0


def told(name: str, value: Any) -> str:
    """A fact for people."""
    if value is None:
        return "unknown" if name != "OMP_NUM_THREADS" else "not set"
    return amount(value) if isinstance(value, int) and ("bytes" in name or name == "cap") else str(value)
