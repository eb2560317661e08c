"""``overpaint words``: the words a model was taught."""

import json

import click

from overpaint.cli.words import one_line
from overpaint.errors import UsageError

OTHERS = "joining"
"""What words are called of which the model does not say of which kind they are."""


@click.command(short_help="List the words a model was taught.")
@click.option("--model", default="still-life", show_default=True, help="A name or a folder.")
@click.option("--json", "as_json", is_flag=True, help="The list for programs.")
def command(model: str, as_json: bool) -> None:
    """List the words a model was taught, where they are few, by what they speak of.

    Other words mean nothing to it. A model trained on the captions of the world says no such list.
    """
    from overpaint.families.load import habits
    from overpaint.families.locate import place_of

    suits = habits(place_of(model)).suits
    if not suits.vocabulary:
        raise UsageError(f"The model {model} names no words that it was taught; it reads all, as CLIP does.")
    found: dict[str, list[str]] = {}
    for word in suits.vocabulary:
        found.setdefault(suits.words.get(word, OTHERS), []).append(word)
    found = {kind: found[kind] for kind in sorted(found, key=lambda kind: (kind == OTHERS, kind))}
    if as_json:
        click.echo(json.dumps(found))
        return
    width = max(map(len, found))
    for kind, words in found.items():
        click.echo(f"{one_line(kind).ljust(width)}  {one_line(', '.join(words))}")
