"""The list of methods: explicit, without decorators; a method's code is imported when it is asked for.

Programs that only list methods (help, forms) read ``registry.json``, which is written from the cards and
schemas, and never import a network library.
"""

import json
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from overpaint.errors import UsageError
from overpaint.files import atomic

if TYPE_CHECKING:
    from overpaint.method import Method

METHODS = {
    "generate": "overpaint.methods.generate:Generate",
    "sdedit": "overpaint.methods.sdedit:SDEdit",
    "ddim": "overpaint.methods.ddim:DDIMEdit",
    "p2p": "overpaint.methods.p2p:PromptToPrompt",
    "edict": "overpaint.methods.edict:EDICTEdit",
    "edit-friendly": "overpaint.methods.edit_friendly:EditFriendlyEdit",
    "sega": "overpaint.methods.sega:Sega",
    "ledits": "overpaint.methods.ledits:Ledits",
    "ledits++": "overpaint.methods.ledits_pp:LeditsPP",
    "diffedit": "overpaint.methods.diffedit:DiffEdit",
    "blended-latent": "overpaint.methods.blended_latent:BlendedLatent",
    "cyclenet": "overpaint.methods.cyclenet:CycleNet",
}
SUMMARY = Path(__file__).with_name("registry.json")


@cache
def places() -> dict[str, str]:
    """Where each method lives: ours, then those that installed plugins announce as ``overpaint.methods``."""
    return {**{e.name: e.value for e in entry_points(group="overpaint.methods")}, **METHODS}


def known(name: str) -> str:
    """The name itself if there is such a method.

    Raises:
        UsageError: there is none; the sentence names the nearest.
    """
    if name in places():
        return name
    near = get_close_matches(name, places(), n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(places())}."
    raise UsageError(f"There is no method {name!r}; {hint}")


def find(name: str) -> "type[Method]":
    """The class of a method."""
    module, _, attribute = places()[known(name)].partition(":")
    return cast("type[Method]", getattr(import_module(module), attribute))


def every() -> "Iterator[type[Method]]":
    """All methods, in the order of the list."""
    return (find(name) for name in places())


def describe(method: "type[Method]") -> dict[str, Any]:
    """A method as data: its card and the schema of its options."""
    card = method.card
    default = card.cost(method())
    return {
        "idea": card.idea,
        "papers": [
            {
                "key": p.key,
                "title": p.title,
                "venue": p.venue,
                "year": p.year,
                "arxiv": p.arxiv,
                "code": p.code,
            }
            for p in card.papers
        ],
        "needs": sorted(card.needs),
        "optional": sorted(card.optional),
        "families": {name: dict(preset) for name, preset in card.families.items()},
        "rows": list(default.rows),
        "backwards": list(default.backwards),
        "law": card.law.value,
        "random": card.random,
        "published": card.published,
        "schema": method.model_json_schema(),
    }


def summary() -> dict[str, Any]:
    """What ``registry.json`` must hold."""
    return {name: describe(find(name)) for name in METHODS}


def read_summary() -> dict[str, Any]:
    """The stored summary, without importing any method."""
    return cast("dict[str, Any]", json.loads(SUMMARY.read_text(encoding="utf-8")))


def catalogue(family: str | None = None, needs: Iterable[str] = ()) -> dict[str, Any]:
    """The methods that run on a family and use all of these inputs, by name, with their cards and options."""
    return {
        name: card
        for name, card in read_summary().items()
        if (family is None or family in card["families"])
        and set(needs) <= {*card["needs"], *card["optional"]}
    }


def write_summary() -> None:
    """Write the summary anew (after a method, card or option changed)."""
    atomic.write(SUMMARY, (json.dumps(summary(), indent=1, ensure_ascii=False) + "\n").encode())


if __name__ == "__main__":
    write_summary()
