"""``overpaint learn``: what a method learns of a picture, as a file for edits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overpaint.cli.direction import writable
from overpaint.cli.options import FILE, SEED, Common, MethodCommand, SettingOption, common, schema_of
from overpaint.cli.words import duration, heard, one_line, say
from overpaint.errors import UsageError
from overpaint.run.settings import settings_of

if TYPE_CHECKING:
    from overpaint.tune.patch import Weights


class Learning(MethodCommand):
    """Has the options by which a method learns."""

    fixed = "imagic"

    def settings(self, ctx: click.Context) -> list[SettingOption]:
        """Those of the method's learning, by their own names."""
        if "overpaint.run.settings" not in ctx.meta:
            own = settings_of(schema_of(self.method(ctx)))["learning"].parts[""]
            ctx.meta["overpaint.run.settings"] = [SettingOption((name,), one) for name, one in own.items()]
        return ctx.meta["overpaint.run.settings"]


@click.group(short_help="Learn a picture once, for many edits.")
def command() -> None:
    """Learn something once and keep it in a file, for many edits (--learned FILE)."""


@command.command("imagic", short_help="What Imagic learns of a picture.", cls=Learning)
@click.argument("picture", type=FILE)
@click.option("--target", default="", help="What it should show after the edits.")
@click.option("-o", "--output", type=FILE, help="The file to write.  [default: PICTURE.safetensors]")
@SEED
@common("model", "device", "dtype", "threads", "cache", "overwrite", "fit", "limits", "as_json")
def imagic(
    picture: Path, target: str, output: Path | None, seed: int, options: dict[str, Any], common: Common
) -> None:
    """Learn PICTURE as the edit to --target needs it.

    Give the file to an edit with the same --target: --method imagic --learned FILE --eta 0.4:1.0:0.2. It then
    only samples. A learning that was stopped or killed goes on where it was (--no-cache keeps nothing).
    """
    from overpaint.cli.early import check_early

    out = output or picture.with_suffix(".safetensors")
    check_early(common, picture)
    writable(out, common.overwrite)

    from overpaint.cli.facts import limits
    from overpaint.run.request import edit_request

    said = {f"learning.{name}": value for name, value in options.items()}
    request = {"target": target, "seed": seed, **common.framing}
    asked = edit_request("edit", "imagic", picture, request, said, limits=limits(common))
    found, seconds = made(asked, common)
    write(found, out, common.overwrite)
    if common.as_json:
        click.echo(json.dumps({"output": str(out), "seconds": seconds, **facts(found)}))
        return
    click.echo(one_line(f"Wrote {out}: {found.about['method']} in {duration(seconds)}"))
    if not heard():
        say(f"Wrote {out}")


def made(asked: Any, common: Common) -> "tuple[Weights, float]":
    """What is learned, with a bar for whoever waits and Ctrl-C at any update; and how long it took."""
    from overpaint.cli.progress import cancelling, progress
    from overpaint.cli.running import opened, quiet
    from overpaint.inversions.cache import Cache
    from overpaint.meter import Cancelled, Meter
    from overpaint.run.learning import learned
    from overpaint.run.loading import threads
    from overpaint.run.plan import plan

    with threads(common.threads), quiet():
        model, meter = opened(common), Meter()
        with model.lock, model.keeping(Cache() if common.cache else None):
            job = plan(asked, model)
            try:
                with cancelling(meter), progress("learn", job.cost.backwards[1], meter):
                    return learned(job, meter), meter.seconds
            except Cancelled:
                raise click.Abort() from None


def write(found: "Weights", out: Path, overwrite: bool) -> None:
    """The file, whole or not at all.

    Raises:
        UsageError: it cannot be written; what was learned is still in the cache.
    """
    try:
        found.save(out, overwrite=overwrite)
    except FileExistsError:
        raise UsageError(
            f"{out} exists already; choose another name, or replace it with --overwrite."
        ) from None
    except OSError as error:
        raise UsageError(
            f"{out} cannot be written ({error.strerror}); say the same again with another place: what was "
            "learned is kept in the cache, unless that is full as well."
        ) from None


def facts(found: "Weights") -> dict[str, Any]:
    """All there is to say about something learned, as data."""
    every = found.every
    return {
        "kind": "learned",
        **found.about,
        "fingerprint": found.model,
        "hash": found.fingerprint,
        "tensors": len(every),
        "numbers": sum(one.numel() for one in every.values()),
    }


def lines(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same as titled lines."""
    yield "learned", one_line(f"for {told.get('method', 'an unknown method')}")
    if "target" in told:
        yield "target", one_line(told["target"])
    if "paper" in told:
        yield "paper", one_line(told["paper"])
    model = f"{told.get('model', 'unknown')}, weights {told['fingerprint'][:12] or 'unknown'}"
    yield "model", one_line(model)
    yield "size", f"{told['numbers']} numbers in {told['tensors']} tensors"
    if "options" in told:
        yield "options", one_line(told["options"])
    yield "use", f"overpaint edit PICTURE --method {told.get('method', 'METHOD')} --learned FILE"
