"""``overpaint learn``: what a method learns of a picture, as a file for edits."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overpaint.cli.direction import writable
from overpaint.cli.groups import Group
from overpaint.cli.options import FILE, SEED, Common, MethodCommand, SettingOption, common, schema_of
from overpaint.cli.words import duration, heard, one_line, say
from overpaint.errors import UsageError
from overpaint.run.settings import settings_of

if TYPE_CHECKING:
    from overpaint.run.request import EditRequest
    from overpaint.tune.learned import Learned

TOLD = ("model", "device", "dtype", "threads", "cache", "overwrite", "fit", "limits", "as_json")
"""What all of them are told beside what to learn."""
DRAFTS = click.option(
    "--cache/--no-cache", default=None, help="Keep drafts to go on from.  [default: --cache]"
)


class Learning(MethodCommand):
    """Has the options by which a method learns."""

    fixed = "imagic"

    def settings(self, ctx: click.Context) -> list[SettingOption]:
        """Those of the method's learning, by their own names."""
        if "overpaint.run.settings" not in ctx.meta:
            own = settings_of(schema_of(self.method(ctx)))["learning"].parts[""]
            ctx.meta["overpaint.run.settings"] = [SettingOption((name,), one) for name, one in own.items()]
        return ctx.meta["overpaint.run.settings"]


@click.group(cls=Group, short_help="Learn a picture once, for many edits.")
def command() -> None:
    """Learn something once and keep it in a file, for many edits (--learned FILE)."""


class OfWords(Learning):
    """The same for words."""

    fixed = "p-plus"


class OfPictures(Learning):
    """The same for a change that many pictures can have."""

    fixed = "diffusion-clip"


@command.command("imagic", short_help="What Imagic learns of a picture.", cls=Learning)
@click.argument("picture", type=FILE)
@click.option("--target", default="", help="What it should show after the edits.")
@click.option("-o", "--output", type=FILE, help="The file to write.  [default: PICTURE.safetensors]")
@SEED
@common(*TOLD, cache=DRAFTS)
def imagic(
    picture: Path, target: str, output: Path | None, seed: int, options: dict[str, Any], common: Common
) -> None:
    """Learn PICTURE as the edit to --target needs it.

    Give the file to an edit with the same --target: --method imagic --learned FILE --eta 0.4:1.0:0.2. It then
    only samples. A learning that was stopped or killed goes on where it was (--no-cache keeps nothing).
    """
    out = output or picture.with_suffix(".safetensors")
    check_learning(common, out, picture)

    from overpaint.cli.facts import limits
    from overpaint.run.request import edit_request

    said = {f"learning.{name}": value for name, value in options.items()}
    request = {"target": target, "seed": seed, **common.framing}
    learn(edit_request("edit", "imagic", picture, request, said, limits=limits(common)), out, common)


@command.command("p-plus", short_help="A word for what pictures show.", cls=OfWords)
@click.argument("pictures", type=FILE, nargs=-1, required=True)
@click.option("--word", help="What it is called in prompts.  [default: the word to begin with, in <>]")
@click.option("-o", "--output", type=FILE, help="The file to write.  [default: PICTURE.safetensors]")
@SEED
@common(*TOLD, cache=DRAFTS)
def p_plus(
    pictures: tuple[Path, ...],
    word: str | None,
    output: Path | None,
    seed: int,
    options: dict[str, Any],
    common: Common,
) -> None:
    """Learn what one to five PICTURES show as a word, for each layer of the network by itself.

    Say what it is, to begin with: --init dog. Give the file to any edit or picture to make, and say the word
    in its prompts: --learned FILE --target "a photo of <dog>". For a network of 16 such layers the file is
    laid out as kohya's tools have it. A learning that was stopped or killed goes on where it was.
    """
    out = output or pictures[0].with_suffix(".safetensors")
    check_learning(common, out, *pictures)

    from overpaint.cli.facts import limits
    from overpaint.run.request import edit_request

    word = word or f"<{options.get('init', '')}>"
    said = {"word": word, **{f"learning.{name}": value for name, value in options.items()}}
    request = {"target": word, "seed": seed, "fit": "crop", **common.framing}
    shown = {"examples": pictures}
    learn(
        edit_request("edit", "p-plus", None, request, said, pictures=shown, limits=limits(common)),
        out,
        common,
    )


@command.command("diffusion-clip", short_help="A change for all pictures of a kind.", cls=OfPictures)
@click.argument("pictures", type=FILE, nargs=-1, required=True)
@click.option("--source", default="", help="What they show.")
@click.option("--target", default="", help="What they should show.")
@click.option("-o", "--output", type=FILE, help="The file to write.  [default: PICTURE.safetensors]")
@SEED
@common(*TOLD, cache=DRAFTS)
def diffusion_clip(
    pictures: tuple[Path, ...],
    source: str,
    target: str,
    output: Path | None,
    seed: int,
    options: dict[str, Any],
    common: Common,
) -> None:
    """Learn from PICTURES how those of their kind change from --source to --target, as CLIP sees it.

    Thirty to fifty are usual, one is possible. Give the file to an edit of any such picture: --method
    diffusion-clip --learned FILE. A learning that was stopped or killed goes on where it was.
    """
    out = output or pictures[0].with_suffix(".safetensors")
    check_learning(common, out, *pictures)

    from overpaint.cli.facts import limits
    from overpaint.run.request import edit_request

    options = {"pictures": str(len(pictures)), **options}
    said = {f"learning.{name}": value for name, value in options.items()}
    request = {"source": source, "target": target, "seed": seed, "fit": "crop", **common.framing}
    first, shown, within = pictures[0], {"examples": pictures}, limits(common)
    asked = edit_request("edit", "diffusion-clip", first, request, said, pictures=shown, limits=within)
    learn(asked, out, common)


def check_learning(common: Common, out: Path, *pictures: Path) -> None:
    """Refuse early what cannot be read or written.

    Raises:
        UsageError: a picture is not there, or the file cannot be written.
    """
    from overpaint.cli.early import check_early

    check_early(common, *pictures)
    writable(out, common.overwrite)


def learn(asked: "EditRequest", out: Path, common: Common) -> None:
    """Learn, write, and say so."""
    found, seconds = made(asked, common)
    write(found, out, common.overwrite)
    if common.as_json:
        click.echo(json.dumps({"output": str(out), "seconds": seconds, **facts(found)}))
        return
    click.echo(one_line(f"Wrote {out}: {found.about['method']} in {duration(seconds)}"))
    if not heard():
        say(f"Wrote {out}")


def made(asked: "EditRequest", common: Common) -> "tuple[Learned, float]":
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


def write(found: "Learned", out: Path, overwrite: bool) -> None:
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


def facts(found: "Learned") -> dict[str, Any]:
    """All there is to say about something learned, as data."""
    every = found.every
    return {
        "kind": "learned",
        **found.about,
        **found.said,
        "fingerprint": found.model,
        "hash": found.fingerprint,
        "tensors": len(every),
        "numbers": sum(one.numel() for one in every.values()),
    }


def lines(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The same as titled lines."""
    method = str(told.get("method", "METHOD"))
    if "word" in told:
        yield "learned", one_line(f"the word {told['word']}, for {told['layers']} layers")
    else:
        yield "learned", one_line(f"for {told.get('method', 'an unknown method')}")
    for name in ("source", "target", "paper"):
        if name in told:
            yield name, one_line(told[name])
    model = f"{told.get('model', 'unknown')}, weights {told['fingerprint'][:12] or 'unknown'}"
    yield "model", one_line(model)
    yield "size", f"{told['numbers']} numbers in {told['tensors']} tensors"
    if "options" in told:
        yield "options", one_line(told["options"])
    if "word" in told:
        yield "use", one_line(f"overpaint edit PICTURE --learned FILE --target 'a {told['word']}'")
    else:
        yield "use", one_line(f"overpaint edit PICTURE --method {method} --learned FILE")
