"""``overpaint invert``: how well a picture can be turned into noise and back."""

from pathlib import Path
from typing import Any

import click

from overpaint.cli.options import FILE, SEED, Common, MethodCommand, common


class Inverting(MethodCommand):
    """Has the options of an inversion walked back."""

    fixed = "invert"


@click.command(short_help="See how well a picture can be turned into noise and back.", cls=Inverting)
@click.argument("picture", type=FILE)
@click.option(
    "--source", default="", help="What the picture shows; not needed where the picture says so itself."
)
@click.option("--check", is_flag=True, help="Also edit it with the same prompt twice, and say what changes.")
@click.option("--check-method", metavar="NAME", help="The method that does so.  [default: ddim]")
@SEED
@common(
    *("model", "device", "dtype", "threads", "cache", "writing", "fit", "limits", "look"),
    *("as_json", "dry_run", "strip", "preview"),
)
def command(
    picture: Path,
    source: str,
    check: bool,
    check_method: str | None,
    seed: int,
    options: dict[str, Any],
    common: Common,
) -> None:
    """Turn PICTURE into noise, walk it back, and say how well that went.

    The inversion is kept: an edit with the same prompt, steps and inversion starts at once. The picture that
    comes back is written with -o. With --check it is also edited by plain DDIM over the inversion, or by the
    method --check-method names, with the prompt it has: what differs then was not asked for.
    """
    from overpaint.cli.early import check_early

    check_early(common, picture, out=common.output)

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits
    from overpaint.cli.running import perform, report
    from overpaint.run.request import edit_request
    from overpaint.run.unasked import METHOD

    by = check_method or METHOD if check or check_method else None
    within = limits(common)
    request = {"source": source_for(picture, source, within), "seed": seed, **common.framing}
    asked = edit_request("invert", "invert", picture, request, options, limits=within)
    done = perform(common, asked, common.output, check=by)
    if done is not None:
        report(done, common)
