"""``overpaint inpaint``: paint a part of a picture anew."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from overpaint.cli.options import FILE, SEED, Common, MethodCommand, common
from overpaint.errors import UsageError

MODEL = "still-life-inpaint"
GROUPS = (
    *("model", "device", "dtype", "threads", "writing", "framing", "limits", "look"),
    *("as_json", "dry_run", "maps", "mask_out", "strip", "preview"),
)
"""What the everyday commands are told beside what to do."""
FILLING = click.option("--model", help=f"A name, folder, file or id of the Hub.  [default: {MODEL}]")


class Inpainting(MethodCommand):
    """Has the options of inpainting."""

    fixed = "inpaint"


@click.command(short_help="Paint a part of a picture anew.", cls=Inpainting)
@click.argument("picture", type=FILE)
@click.option("--target", required=True, help="What it should show.")
@click.option("--source", default="", help="What it shows now: --mask-words are looked up in it.")
@SEED
@common(*GROUPS, "mask_words", "mask_diff", "beside", model=FILLING)
def command(
    picture: Path, target: str, source: str, seed: int, options: dict[str, Any], common: Common
) -> None:
    """Paint what --target says where PICTURE may change; everywhere else every pixel stays.

    Say where by --mask, --mask-box, --mask-words or --mask-diff.
    """
    fill(picture, {"source": source, "target": target, "seed": seed}, options, common, "inpainted")


def fill(picture: Path, request: dict[str, Any], options: dict[str, Any], common: Common, what: str) -> None:
    """Carry out an everyday edit, by a network that was made for it unless another one is named."""
    from overpaint.cli.early import check_early

    common = replace(common, model=common.model or MODEL)
    out = common.output or picture.with_name(f"{picture.stem}-{what}.png")
    check_early(common, picture, out=out)
    if not (common.where.said or common.extend):
        raise UsageError(
            "Say where the picture may change: --mask FILE, --mask-box X,Y,W,H or --mask-words WORDS."
        )

    from overpaint.cli.answer import source_for
    from overpaint.cli.facts import limits
    from overpaint.cli.running import perform, report
    from overpaint.run.request import edit_request

    within = limits(common)
    request = {**request, "source": source_for(picture, request["source"], within), **common.framing}
    asked = edit_request(
        *("edit", "inpaint", picture, request, options),
        where=common.where,
        control=common.controls,
        limits=within,
    )
    done = perform(common, asked, out)
    if done is not None:
        report(done, common)
