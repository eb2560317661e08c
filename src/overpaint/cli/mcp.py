"""``overpaint mcp``: the calls as tools for assistants, over standard input and output."""

from pathlib import Path

import click

from overpaint.cli.options import FILE, Common, common
from overpaint.errors import UsageError


@click.command("mcp", short_help="Let an assistant edit pictures of a folder.")
@click.option(
    "--folder", type=FILE, default=Path(), show_default="this one", help="The only one it reads and writes."
)
@common("model", "device", "dtype", "threads")
def command(folder: Path, common: Common) -> None:
    """Speak the Model Context Protocol over standard input and output: edit, compare, invert and methods.

    An assistant that starts this command can edit the pictures of one folder; results lie beside them under
    names of their own.
    """
    if not folder.is_dir():
        raise UsageError(f"There is no folder {folder}; make it, or say another with --folder.")
    try:
        import mcp  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise UsageError("Assistants need a further package: pip install 'overpaint[mcp]'") from None
    from overpaint.cli.running import opened, quiet
    from overpaint.run.loading import threads
    from overpaint.web.tools import Tools, assistant

    with threads(common.threads), quiet():
        assistant(Tools(folder, lambda: opened(common))).run("stdio")
