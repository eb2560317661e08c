"""``overpaint serve``: the page and the HTTP service."""

from pathlib import Path

import click

from overpaint.cli.options import FILE, Common, common
from overpaint.errors import UsageError


@click.command("serve", short_help="Edit in a browser, or over HTTP.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, show_default=True, help="0 takes any.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Others than this machine need a token.")
@click.option("--token", default="", help="What whoever asks must know.  [default: made if needed]")
@click.option("--name", "names", multiple=True, metavar="NAME", help="A further name of this machine.")
@click.option("--models", default="still-life", show_default=True, metavar="A,B", help="What may be used.")
@click.option("--controls", multiple=True, metavar="NAME=FILE", help="A side network that clients may name.")
@click.option("--folder", type=FILE, help="Where pictures and the queue are kept.  [default: with your data]")
@click.option("--keep", default="20GB", show_default=True, metavar="SIZE", help="Most that is kept.")
@click.option("--open", "show", is_flag=True, help="Show the page in a browser.")
@click.option("--log-prompts", is_flag=True, help="Write prompts to the log too.")
@common("device", "dtype", "threads", "limits")
def command(
    port: int,
    host: str,
    token: str,
    names: tuple[str, ...],
    models: str,
    controls: tuple[str, ...],
    folder: Path | None,
    keep: str,
    show: bool,
    log_prompts: bool,
    common: Common,
) -> None:
    """Serve the page and the HTTP service, on this machine alone unless --host says otherwise.

    What is asked for is kept in a queue on disk and done one after the other; a server that is stopped or
    killed and started anew loses nothing. --device takes several, as cuda:0,cuda:1. Ctrl-C ends it.
    """
    try:
        import fastapi  # noqa: F401  # pyright: ignore[reportUnusedImport]
        import uvicorn  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError:
        raise UsageError("Serving needs further packages: pip install 'overpaint[serve]'") from None
    from overpaint.cli.serving import Said, serve

    serve(Said(port, host, token, names, models, controls, folder, keep, show, log_prompts), common)
