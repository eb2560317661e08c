"""``overpaint show``: the recipe inside a picture, for people."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from overpaint.cli.options import FILE, Common, common
from overpaint.cli.words import coloured, one_line

INDENT = 12
CHOSEN = {
    "family": "for this kind of model; ",
    "model": "the model's own; ",
    "prompts": "the model's suggestion for such prompts; ",
    "picture": "the picture's own; ",
}
"""Who chose an option that was left open."""
PLAIN = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}


@click.command(short_help="Print what a picture was made with.")
@click.argument("picture", type=FILE)
@common("limits", "as_json")
def command(picture: Path, common: Common) -> None:
    """Print the recipe inside PICTURE: what was changed, with what, and whether it can be made again here.

    Of a file that 'overpaint direction' or 'overpaint learn' wrote it prints what it is, and which model it
    belongs to.
    """
    from overpaint.cli.facts import facts, limits
    from overpaint.files.weightfile import is_direction, is_learned
    from overpaint.images import load_picture

    if is_direction(picture):
        show_direction(picture, common)
        return
    if is_learned(picture):
        show_learned(picture, common)
        return
    told = facts(load_picture(picture, limits=limits(common)), str(picture))
    if common.as_json:
        click.echo(json.dumps(told))
        return
    colours = coloured()
    for title, line in lines(told, colours):
        click.echo(f"{title:<{INDENT}}{line}", color=colours or None)


def show_direction(file: Path, common: Common) -> None:
    """What is in a file of a direction."""
    from overpaint.cli.direction import facts, lines
    from overpaint.tune.direction import Direction

    told = facts(Direction.load(file))
    if common.as_json:
        click.echo(json.dumps(told))
        return
    for title, line in lines(told):
        click.echo(f"{title:<{INDENT}}{line}")


def show_learned(file: Path, common: Common) -> None:
    """What is in a file of something learned."""
    from overpaint.cli.learn import facts, lines
    from overpaint.tune.learned import read_learned

    told = facts(read_learned(file))
    if common.as_json:
        click.echo(json.dumps(told))
        return
    for title, line in lines(told):
        click.echo(f"{title:<{INDENT}}{line}")


def lines(told: Mapping[str, Any], coloured: bool) -> Iterator[tuple[str, str]]:
    """The same as titled lines."""
    yield told["command"], one_line(f"by {told['method']}" + (f": {told['idea']}" if told["idea"] else ""))
    size = told["picture"]
    yield "picture", f"{size['format']}, {size['width']} x {size['height']} pixels, {truth(size)}"
    for name, several in told["files"].items():
        for one in several:
            yield name, "inside the recipe" if one["inside"] else one_line(one["path"] or "not recorded")
    yield from prompts(told, coloured)
    for number, one in enumerate(told["others"]):
        yield "" if number else "in one with", one_line(one)
    for number, (name, one) in enumerate(told["changed"].items()):
        who = CHOSEN.get(one["from"], "")
        line = f"{name} = {value(one['value'])} ({who}usually {value(one['default'])})"
        yield "" if number else "options", one_line(line)
    for title, key in (("usual", "usual"), ("options", "unknown")):
        if told[key]:
            yield title, one_line(", ".join(f"{name} = {value(one)}" for name, one in told[key].items()))
    yield "seed", one_line(value(told["request"].get("seed")))
    framing = {name: one for name, one in told["request"].items() if name != "seed" and one is not None}
    if framing:
        yield "framing", one_line(", ".join(f"{name} = {value(one)}" for name, one in framing.items()))
    for number, one in enumerate(told["controls"]):
        yield "" if number else "beside", one_line(side(one["options"]))
    yield from surroundings(told)
    for title, key in (("warnings", "warnings"), ("not here", "hindrances")):
        for number, sentence in enumerate(told[key]):
            yield "" if number else title, one_line(sentence)
    if not told["hindrances"]:
        yield "again", "overpaint rerun makes the same pixels, if the weights of the model are the same."


def truth(picture: Mapping[str, Any]) -> str:
    """Whether the recipe speaks of these pixels."""
    if picture["as_written"]:
        return "exactly as it was made"
    return "compressed or changed since" if picture["format"] != "PNG" else "changed since"


def prompts(told: Mapping[str, Any], coloured: bool) -> Iterator[tuple[str, str]]:
    """The prompts: one alone, or the words between two."""
    if not told["words"]:
        for name in ("source", "target"):
            if told[name]:
                yield ("prompt" if told["command"] == "generate" else "shows"), one_line(told[name])
        return
    line = " ".join(marked(change, one_line(words), coloured) for change, words in told["words"])
    yield "words", re.sub(r" ([.,;:!?])", r"\1", line)


def marked(change: str, words: str, coloured: bool) -> str:
    """Words with what happened to them, in colour or in signs."""
    if not coloured:
        return PLAIN[change].format(words)
    if change == "removed":
        return click.style(words, fg="red", strikethrough=True)
    return click.style(words, fg="green", bold=True) if change == "added" else words


def side(options: Mapping[str, Any]) -> str:
    """A side network: which, what it looks at, how strongly and when, and what else is not usual."""
    usual: Mapping[str, Any] = {
        "guess": "off",
        "layers": [],
        "only_mid": False,
        "text": "own",
        "rounding": "official",
    }
    more = [
        f"{name} = {value(options[name])}" for name, was in usual.items() if options.get(name, was) != was
    ]
    strength = (
        f"at {options.get('scale', 1):g} from {options.get('start', 0):g} to {options.get('stop', 1):g}"
    )
    return ", ".join([f"{options.get('net')} looking at {options.get('picture')} {strength}", *more])


def surroundings(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The model, and what it ran on."""
    model, where = told["model"], told["environment"]
    named = ", ".join(
        filter(None, (model["name"], model["family"], f"weights {model['hash'][:12] or 'unknown'}"))
    )
    yield "model", one_line(named)
    for lora in model["origin"].get("loras", ()):
        yield "", one_line(f"with the LoRA {lora['file']} at {lora['scale']:g}")
    for embedding in model["origin"].get("embeddings", ()):
        yield "", one_line(f"with the embedding {embedding['file']}")
    versions = ", ".join(f"{name} {number}" for name, number in where["versions"].items() if number)
    yield "made with", one_line(versions or "unknown versions")
    threads = "1 thread" if where["threads"] == 1 else f"{where['threads']} threads"
    waiting = ", parts waiting on the CPU" if where["offload"] else ""
    yield "", one_line(f"on {where['device']} in {where['dtype']}, {threads}{waiting}")


def value(given: Any) -> str:
    """A value of an option as one would write it."""
    if given in (None, "", {}, []):
        return "none"
    match given:
        case bool():
            return "yes" if given else "no"
        case float():
            return f"{given:g}"
        case str():
            return given
        case [float() | int(), float() | int()]:
            return ":".join(f"{end:g}" for end in given)
        case _:
            return json.dumps(given)
