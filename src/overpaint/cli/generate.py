"""``overpaint generate``: a picture from a prompt."""

import re
from pathlib import Path
from typing import Any

import click

from overpaint.cli.completing import among
from overpaint.cli.options import SEED, Common, MethodCommand, common


class Generating(MethodCommand):
    """Has the options of text to image, or of another method that takes no picture."""

    default = "generate"


@click.command(short_help="Make a picture of a prompt.", cls=Generating)
@click.argument("prompt")
@click.option(
    "--method",
    default="generate",
    show_default=True,
    help="Or p-plus, or spatext.",
    shell_complete=among(["generate", "p-plus", "spatext"]),
)
@SEED
@common(
    *("model", "device", "dtype", "threads", "writing", "told", "beside"),
    *("limits", "as_json", "dry_run", "maps", "preview"),
)
def command(prompt: str, method: str, seed: int, options: dict[str, Any], common: Common) -> None:
    """Make a picture of PROMPT; edits of it need no inversion."""
    from overpaint.cli.early import check_early

    out = common.output or Path(f"{name_of(prompt)}-{seed}.png")
    check_early(common, out=out)

    from overpaint.cli.facts import limits
    from overpaint.cli.running import perform, report
    from overpaint.cli.told import told
    from overpaint.run.request import edit_request

    regions = told(common)
    request = {"target": prompt, "seed": seed, **regions.request}
    asked = edit_request(
        *("generate", method, None, request, options),
        pictures=regions.pictures,
        control=common.controls,
        limits=limits(common),
    )
    done = perform(common, asked, out)
    if done is not None:
        report(done, common)


def name_of(prompt: str) -> str:
    """A file name from the first words of a prompt."""
    return re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:40].strip("-") or "generated"
