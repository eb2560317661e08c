"""The server's start: what was said becomes its settings, and where it is found is printed."""

import logging
import secrets
import sys
import webbrowser
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer

from overpaint.cli.facts import limits
from overpaint.cli.options import Common
from overpaint.cli.running import quiet
from overpaint.cli.words import say
from overpaint.errors import UsageError
from overpaint.families.locate import place_of
from overpaint.files.caches import data_folder
from overpaint.files.sizes import bytes_of
from overpaint.run.loading import threads
from overpaint.web.controlling import named
from overpaint.web.server import bound
from overpaint.web.server import serve as run
from overpaint.web.serving import Serving, checked_models, is_loopback

SHORTEST = 16
"""Letters that a token must have."""
SOON = 1.0


@dataclass(frozen=True)
class Said:
    """What was said on the command line."""

    port: int
    host: str
    token: str
    names: tuple[str, ...]
    models: str
    controls: tuple[str, ...]
    folder: Path | None
    keep: str
    show: bool
    log_prompts: bool


def serve(said: Said, common: Common) -> None:
    """Serve until somebody ends it."""
    models = checked_models(said.models.split(","))
    for name in models:
        place_of(name)
    token = checked_token(said)
    serving = Serving(
        folder=said.folder or data_folder("serve"),
        host=said.host,
        port=said.port,
        token=token,
        names=said.names,
        models=models,
        controls=dict(named(one) for one in said.controls),
        devices=tuple(common.device.split(",")) if common.device else (None,),
        dtype=common.dtype,
        limits=limits(common),
        most_kept=bytes_of(said.keep),
        tell_prompts=said.log_prompts,
    )
    with ExitStack() as stack:
        listener = stack.enter_context(bound(said.host, said.port))
        serving = replace(serving, port=listener.getsockname()[1])
        address = serving.address + (f"?token={token}" if token else "")
        stack.enter_context(threads(common.threads))
        stack.enter_context(quiet())
        logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s")
        logging.getLogger("overpaint.serve").setLevel(logging.INFO)
        say(f"Serving at {address} (Ctrl-C ends it); pictures are kept in {serving.folder}")
        if serving.is_open:
            say("Others can reach it, and the connection is not encrypted; use a network you trust.")
        if said.show:
            Timer(SOON, webbrowser.open, (address,)).start()
        run(serving, listener)


def checked_token(said: Said) -> str:
    """The token: made where others than this machine can ask and none was given.

    Raises:
        UsageError: it is too short to be worth anything, or has letters that a header cannot carry.
    """
    if not said.token:
        return "" if is_loopback(said.host) else secrets.token_urlsafe(24)
    if len(said.token) < SHORTEST or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in said.token):
        raise UsageError(
            f"A token has {SHORTEST} letters or figures or more (and -, _, .); leave it out, and one is made."
        )
    return said.token
