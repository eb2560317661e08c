"""``overpaint batch``: a folder, a glob or a table of pictures, edited one after the other."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from overpaint.batch.row import PATTERN
from overpaint.cli.completing import METHOD
from overpaint.cli.options import FILE, SEED, Common, MethodCommand, common


@dataclass(frozen=True)
class Said:
    """What was said on the command line beside the common options."""

    input: str
    out: str
    source: str = ""
    target: str = ""
    method: str = "p2p"
    seed: int = 0
    name: str = PATTERN
    masks: Path | None = None
    limit: int | None = None
    retry_failed: bool = False
    skip_existing: bool = False
    engine: str = "local"
    workers: int | None = None
    gpus: float | None = None
    options: dict[str, Any] = field(default_factory=dict[str, Any])


@click.command("batch", short_help="Edit a folder or a list of pictures.", cls=MethodCommand)
@click.argument("input", metavar="INPUT")
@click.option(
    "--out", metavar="FOLDER", required=True, help="Where outputs go: a folder, or s3://… and such."
)
@click.option("--source", default="", help='What the pictures show; may name columns: "{caption}".')
@click.option("--target", default="", help='What they should show: "{caption}, at night".')
@METHOD
@SEED
@click.option(
    "--name", metavar="PATTERN", default=PATTERN, show_default=True, help="What outputs are called."
)
@click.option("--masks", metavar="FOLDER", type=FILE, help="A mask for each picture, of the same name.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first rows.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--skip-existing", is_flag=True, help="Leave rows out whose output is there already.")
@click.option(
    "--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="Who works."
)
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Ray: how many; else one for each GPU.")
@click.option("--gpus", type=click.FloatRange(0), metavar="X", help="Ray: of each worker, such as 1 or 0.5.")
@common(
    *("model", "device", "dtype", "threads", "cache", "overwrite", "quality", "framing", "seeking"),
    *("controls", "limits", "look", "as_json", "dry_run"),
)
def command(common: Common, **said: Any) -> int:
    """Edit the pictures of INPUT: a folder, a glob in quotes, a table (.csv, .jsonl, .parquet) or - for names
    on standard input, on disk or at any address that fsspec knows.

    A table has a column image, and may have source, target, method, mask, seed, output and any option. Killed
    at any moment, the same command goes on; several at once, one for each device, share the work. Exit code
    1: some failed, and a line each says why; 130: stopped by Ctrl-C.
    """
    from overpaint.batch.listing import check_input
    from overpaint.cli.early import check_early

    check_early(common)
    check_input(said["input"])

    from overpaint.cli.batching import batch

    return batch(Said(**said), common)
