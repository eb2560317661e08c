"""The group of all commands, and what becomes of errors: one sentence and an exit code."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import click

from overpaint import __version__
from overpaint.cli.options import MethodCommand
from overpaint.cli.words import one_line, say
from overpaint.errors import OverpaintError, UsageError, short_of_memory
from overpaint.near import near, nearest

COMMANDS = (
    *("edit", "inpaint", "outpaint", "remove", "regions", "compare", "batch", "queue", "serve", "mcp"),
    *(
        "generate",
        "invert",
        "methods",
        "models",
        "convert",
        "show",
        "rerun",
        "cite",
        "learn",
        "direction",
        "words",
    ),
    *("bench", "train", "demo", "doctor"),
)
MODULES = {"words": "vocabulary"}
"""Commands whose file has another name."""
WRONG, INTERNAL, CANCELLED = 2, 1, 130


class App(click.Group):
    """Imports a command when it is asked for, and turns every error into a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order they are met."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; while a shell completes a line, none is no error."""
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:
                return None
            raise UsageError(f"There is no command {cmd_name!r}; {nearest(cmd_name, COMMANDS)}")
        return import_module(f"overpaint.cli.{MODULES.get(cmd_name, cmd_name)}").command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process unless ``standalone_mode`` is off."""

        def work() -> Any:
            return super(App, self).main(args, prog_name or "overpaint", complete_var, False, **extra)

        return sys.exit(guarded(work)) if standalone_mode else work()


@click.group(cls=App, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="overpaint", message="%(prog)s %(version)s")
def app() -> None:
    """Edit pictures with the published Stable Diffusion editing methods."""


def guarded(work: Callable[[], Any]) -> int:
    """The exit code of some work; whatever goes wrong is said in one sentence."""
    try:
        result = work()
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        say("Cancelled; nothing was written.")
        return CANCELLED
    except (click.ClickException, OverpaintError) as error:
        say(sentence(error))
        return WRONG
    except Exception as error:
        return unforeseen(error)
    return result if isinstance(result, int) else 0


def sentence(error: Exception) -> str:
    """What to say about an error of the user's."""
    match error:
        case click.NoSuchOption():
            return f"There is no option {error.option_name}; {missed(error)}"
        case click.ClickException():
            return error.format_message()
        case _:
            return str(error)


def missed(error: click.NoSuchOption) -> str:
    """The end of a sentence about an option that there is not."""
    ctx = error.ctx
    if ctx is None:
        return f"did you mean {error.possibilities[0]}?" if error.possibilities else "see --help."
    if isinstance(ctx.command, MethodCommand):
        return ctx.command.missed(ctx, error.option_name)
    flags = [flag for param in ctx.command.get_params(ctx) for flag in param.opts if flag.startswith("--")]
    meant = near(error.option_name, flags)
    return "see --help." if meant is None else f"did you mean {meant}?"


def unforeseen(error: Exception) -> int:
    """An error nobody foresaw: memory that ran out, or a mistake of ours, with the way to see more."""
    if os.environ.get("OVERPAINT_DEBUG") == "1":
        traceback.print_exception(error)
    if short_of_memory(error):
        say("The work does not fit into memory; use a smaller picture or model, or --dtype bfloat16.")
        return WRONG
    what = one_line(f"{type(error).__name__}: {error}")
    say(f"internal error ({what[:200]}); please report it with what OVERPAINT_DEBUG=1 shows.")
    return INTERNAL
