"""``overpaint direction``: the way from one word to another, as a file for edits."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from overpaint.cli.options import FILE, Common, common
from overpaint.cli.words import heard, one_line, say
from overpaint.errors import UsageError

if TYPE_CHECKING:
    from overpaint.model import Model
    from overpaint.tune.direction import Direction, Sides

USUAL, MOST = 200, 10_000

KEEPING = click.option(
    "--cache/--no-cache", default=None, help="Keep what is found for the next time.  [default: --cache]"
)


@click.command(short_help="Find the way from one word to another.")
@click.argument("source")
@click.argument("target")
@click.option("-o", "--output", type=FILE, help="The file to write.  [default: SOURCE2TARGET.safetensors]")
@click.option(
    "--sentences",
    type=click.IntRange(2, MOST),
    default=USUAL,
    show_default=True,
    help="How many for each word, of those that are shipped.",
)
@click.option("--source-sentences", type=FILE, help="Your own about SOURCE in a text file, one a line.")
@click.option("--target-sentences", type=FILE, help="The same about TARGET.")
@common("model", "device", "dtype", "cache", "overwrite", "as_json", cache=KEEPING)
def command(
    source: str,
    target: str,
    output: Path | None,
    sentences: int,
    source_sentences: Path | None,
    target_sentences: Path | None,
    common: Common,
) -> None:
    """Write the direction from SOURCE to TARGET, such as cat dog, among the embeddings of prompts.

    It is a mean over many sentences about either, read by the text encoder of --model. Give it to an edit
    with --method pix2pix-zero --direction FILE, in place of a target prompt.
    """
    from overpaint.tune.sentences import read_sentences, with_article

    words = with_article(source), with_article(target)
    if words[0].lower() == words[1].lower():
        raise UsageError("Both words are the same, so the direction leads nowhere; name two.")
    if (source_sentences is None) != (target_sentences is None):
        raise UsageError(
            "Sentences are needed about both words; give --source-sentences and --target-sentences."
        )
    out = output or Path(f"{name_of(source)}2{name_of(target)}.safetensors")
    writable(out, common.overwrite)
    own = None
    if source_sentences is not None and target_sentences is not None:
        own = read_sentences(source_sentences), read_sentences(target_sentences)
    bare = " ".join(source.split()), " ".join(target.split())
    found = made(bare, words, own, sentences, common)
    write(found, out, common.overwrite)
    told = facts(found)
    wrote = one_line(f"Wrote {out}: from {found.source!r} to {found.target!r}")
    told_people = f"{wrote}, {counted(found.sentences)}, read by {found.model}"
    click.echo(json.dumps({"output": str(out), **told}) if common.as_json else one_line(told_people))
    if not heard():
        say(wrote)


def counted(sentences: tuple[int, int]) -> str:
    """How many sentences there were about either word."""
    one, other = sentences
    if one != other:
        return f"{one} and {other} sentences"
    return "a sentence each" if one == 1 else f"{one} sentences each"


def made(
    bare: tuple[str, str], words: tuple[str, str], own: "Sides | None", count: int, common: Common
) -> "Direction":
    """The direction, with a bar for whoever waits and Ctrl-C at any sentence."""
    import torch

    from overpaint.cli.progress import cancelling, progress
    from overpaint.cli.running import opened, quiet
    from overpaint.meter import Cancelled, Meter
    from overpaint.tune.direction import discovered

    with quiet():
        model = opened(common)
        sides = templates(model, bare, words, count) if own is None else own
        meter, total = Meter(), len(sides[0]) + len(sides[1])
        try:
            with (
                model.lock,
                torch.no_grad(),
                model.metered(meter),
                cancelling(meter),
                progress("direction", total, meter, of="items"),
            ):
                return discovered(model, sides, bare, pairs=own is None)
        except Cancelled:
            raise click.Abort() from None


def templates(model: "Model", bare: tuple[str, str], words: tuple[str, str], count: int) -> "Sides":
    """Shipped sentences, or the model's own, about both."""
    from overpaint.tune.sentences import Difference, sides_of

    parts = Difference((bare[0].lower(), bare[1].lower()), words)
    return sides_of(model.suits.sentences, model.suits.words, parts, count)


def name_of(words: str) -> str:
    """What of some words can stand in the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:40].strip("-") or "word"


def writable(out: Path, overwrite: bool) -> None:
    """Refuse a name that cannot be written before any work is done.

    Raises:
        UsageError: it cannot.
    """
    if out.suffix != ".safetensors":
        raise UsageError(f"{out} must end in .safetensors; give it such a name.")
    if out.is_dir() or not out.parent.is_dir():
        raise UsageError(f"{out} cannot be written, as there is no such folder; choose another place.")
    if out.exists() and not overwrite:
        raise UsageError(f"{out} exists already; choose another name, or replace it with --overwrite.")


def write(found: "Direction", out: Path, overwrite: bool) -> None:
    """The file, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        found.save(out, overwrite=overwrite)
    except FileExistsError:
        raise UsageError(
            f"{out} exists already; choose another name, or replace it with --overwrite."
        ) from None
    except OSError as error:
        raise UsageError(f"{out} cannot be written ({error.strerror}); choose another place.") from None


def facts(found: "Direction") -> dict[str, Any]:
    """All there is to say about a direction, as data."""
    from overpaint.tune.direction import PAPER

    return {
        "kind": "direction",
        "source": found.source,
        "target": found.target,
        "sentences": list(found.sentences),
        "model": found.model,
        "fingerprint": found.fingerprint,
        "tokens": found.states.shape[1],
        "width": found.states.shape[2],
        "length": float(found.states.square().sum().sqrt()),
        "papers": [PAPER],
    }


def lines(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The same as titled lines."""
    yield "direction", one_line(f"from {told['source']!r} to {told['target']!r}")
    yield "sentences", " and ".join(map(str, told["sentences"]))
    model = f"{told['model'] or 'unknown'}, weights {told['fingerprint'][:12] or 'unknown'}"
    yield "model", one_line(model)
    yield "size", f"{told['tokens']} tokens x {told['width']}, length {told['length']:.3g}"
    yield "paper", ", ".join(told["papers"])
    yield "use", "overpaint edit PICTURE --method pix2pix-zero --direction FILE"
